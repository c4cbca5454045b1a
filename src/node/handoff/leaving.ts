/**
 * Leaving for good (Dynamo, section 4.9): everything is handed over before the others are told.
 */
import type { Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import { TabringError } from '../../errors.ts'
import type { Store } from '../../ports.ts'
import type { Exchange } from '../anti-entropy/exchange.ts'
import type { Lifetime } from '../api/lifetime.ts'
import { rememberMembers } from '../membership/boot.ts'
import type { Membership } from '../membership/membership.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import type { Replica } from '../storage/replica.ts'
import type { HintedHandoff } from './hinted-handoff.ts'

export interface Leaver {
  readonly routing: Routing
  readonly peers: Peers
  readonly membership: Membership
  readonly replica: Replica
  readonly exchange: Exchange
  readonly handoff: HintedHandoff
  readonly store: Store
  readonly lifetime: Lifetime
}

/** Rounds of handing over what came meanwhile. Each takes less time than the one before, and finds less. */
const roundsMax = 5

/**
 * Hands all records to those who own them when this node does not count, says that it left, takes nothing in any
 * more, and hands over what came meanwhile. Rejects where somebody cannot be reached: with nothing changed before it
 * has said so, with everything still in its database after.
 */
export async function handAllOver(leaver: Leaver): Promise<void> {
  const { peers, membership } = leaver
  leaver.handoff.hurry()
  const left = await emptied(leaver)
  if (left !== null) {
    throw new TabringError(
      'quorum-unreachable',
      `${left} have nobody in reach to take them. Nothing was deleted; close() keeps the data for later.`,
    )
  }
  await stopTakingIn(leaver)
  await Promise.all(peers.connected.map((peer) => membership.pushPull(peer)))
  if ((await emptied(leaver)) === null) return
  throw new TabringError(
    'timeout',
    'the others were told, but not everything could be handed over. The data stays in the database.',
    'unknown',
  )
}

/** Refuses every write from now on, and says, also to the next boot, that this node has left. */
async function stopTakingIn({ lifetime, membership, routing, store }: Leaver): Promise<void> {
  lifetime.isClosing = true
  membership.leave()
  await rememberMembers(store, routing.claims)
}

/**
 * Hands over, round by round, until everything that was here when the round began was taken by somebody: then null,
 * else what was not. What comes meanwhile is no sign that nobody takes it; the last round finds it, when nothing
 * comes any more.
 */
async function emptied(leaver: Leaver): Promise<string | null> {
  const { replica } = leaver
  const forest = await replica.forest()
  const held = () => allPartitions.filter((partition) => forest.sizeOf(partition) > 0)
  let left: string | null = null
  for (let round = 0; round < roundsMax; round += 1) {
    const before = new Set(held())
    const taken = await handOver(leaver)
    await leaver.handoff.sweep()
    // That somebody is in reach now does not mean that he has it.
    const due = held().filter((partition) => leaver.lifetime.isClosing || before.has(partition))
    const stranded = due.filter((partition) => !taken.has(partition))
    if (stranded.length === 0 && replica.hints.size === 0) return null
    left = `${stranded.length} partitions and ${replica.hints.size} hints`
  }
  return left
}

/** Hands over to every owner in reach; returns the partitions that at least one of them holds by now. */
async function handOver({ routing, peers, exchange, replica, lifetime }: Leaver): Promise<ReadonlySet<Partition>> {
  const taken = new Set<Partition>()
  for (const node of routing.others.filter((other) => peers.isReachable(other) && routing.takesIn(other))) {
    const due = allPartitions.filter(
      (partition) => replica.holds(partition) && routing.ownersWithoutSelf(partition).includes(node),
    )
    if (due.length === 0) continue
    try {
      await exchange.handOver(node, due)
      // What comes in between is handed over in the next round; once nothing comes any more, nothing may have.
      for (const partition of due) if (!lifetime.isClosing || exchange.hasAll(node, partition)) taken.add(partition)
    } catch (error) {
      const text = `handing over to ${node} failed. Nothing was deleted; close() keeps the data for later.`
      throw new TabringError('timeout', text, 'unknown', error)
    }
  }
  return taken
}
