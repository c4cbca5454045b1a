/**
 * Joiners: clients that wait for the ring.
 *
 * They call `joined` again and again, for as many members as there may be or more. It resolves when they are there and
 * the node is in sync, and gives up in time, with an error of its own.
 */
import { TabringError } from '../../src/errors.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import type { Boot } from './boot.ts'
import { Chance } from './chance.ts'
import type { Place, World } from './world.ts'

const everyMs = 6_000

/** One waits at a time, at any node, until `until` (virtual time). */
export function awaitRing(world: World, until: number): void {
  const chance = new Chance(world.options.seed, 'joining')
  const next = () => {
    world.clock.after(chance.exponential(everyMs), () => {
      const { serving } = world
      if (world.clock.now >= until) return
      if (serving.length > 0) ask(world, chance, chance.pick(serving))
      next()
    })
  }
  next()
}

function ask(
  world: World,
  chance: Chance,
  { place, node }: { readonly place: Place; readonly node: StorageNode },
): void {
  const { clock, counters } = world
  const members = chance.between(2, Math.min(1_000, world.places.length + 1))
  const timeoutMs = chance.between(500, 20_000)
  const { boot } = place
  const invoked = clock.now
  const [stoodStillMs, isThrottled] = [boot?.stoodStillMs ?? 0, place.alignMs > 0]
  const tookMs = () => clock.now - invoked - ((boot?.stoodStillMs ?? 0) - stoodStillMs)
  const wrong = (witness: string) =>
    world.violations.push({ class: 'WRONG_JOIN', key: '', subject: `place ${place.index}`, witness })
  // Several messages may come in one moment: what is whole by the first may not be by the last.
  let wholeAt = -1
  const isWhole = () => {
    const { reachable, partitions } = node.status()
    return reachable >= members && partitions.syncing === 0
  }
  const look = () => {
    if (isWhole()) wholeAt = clock.now
  }
  const looks = looksAt(node)
  looks.add(look)
  const waiting = node.joined({ members, timeoutMs }).finally(() => looks.delete(look))
  waiting.then(
    () => {
      counters.count('path: ring of so many awaited, and met')
      const { reachable, partitions } = node.status()
      // It may have ended in this very moment.
      if (partsOf(node).lifetime.isOpen && wholeAt !== clock.now && !isWhole())
        wrong(`${members} awaited; ${reachable} in reach, ${partitions.syncing} partitions to fetch`)
    },
    (error: unknown) => {
      if (!(error instanceof TabringError)) wrong(String((error as Error).stack))
      else if (error.code === 'timeout') {
        counters.count('path: ring of so many awaited in vain')
        const isLate = tookMs() > timeoutMs + 100 && !isThrottled && place.alignMs === 0 && isRunning(boot)
        // Time passes for a tab that stands still, too.
        if (clock.now - invoked < timeoutMs - 1 || isLate) wrong(`gave up after ${tookMs()} ms of ${timeoutMs}`)
      } else if (error.code === 'cluster-mismatch' && world.options.stranger) counters.count('joined: refused')
      else if (error.code !== 'closed' || isServing(node)) wrong(`${error.code}: ${error.message}`)
    },
  )
}

const looksOf = new WeakMap<StorageNode, Set<() => void>>()

/** Looks taken whenever the node sees whether its ring is whole. */
function looksAt(node: StorageNode): Set<() => void> {
  const known = looksOf.get(node)
  if (known !== undefined) return known
  const looks = new Set<() => void>()
  const { joined } = partsOf(node)
  const review = joined.review.bind(joined)
  joined.review = () => {
    for (const look of looks) look()
    review()
  }
  looksOf.set(node, looks)
  return looks
}

/** It is open, and has not begun to leave. */
const isServing = (node: StorageNode): boolean => {
  const { isOpen, isClosing } = partsOf(node).lifetime
  return isOpen && !isClosing
}

const isRunning = (boot: Boot | undefined): boolean => boot?.isAlive === true && !boot.isFrozen
