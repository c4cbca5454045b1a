/**
 * One seed: chaos, then everything is healed, and what was promised must hold.
 */

import { keyHashOf, partitionOf } from '../../src/core/hash.ts'
import { dotName } from '../../src/core/versioning/causal-history.ts'
import type { Sibling } from '../../src/core/versioning/record.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { beginApart, startMs } from './absences.ts'
import { check, gone, missed, outcomes, overwrittenDeletes, usual, type Violation } from './checker.ts'
import { Counters } from './counters.ts'
import { idle, readEverything } from './ending.ts'
import { healCore, unleash, wake } from './faults.ts'
import { Filler } from './filler.ts'
import type { FinalReplica, Operation } from './history.ts'
import { awaitRing } from './joiners.ts'
import { keyNamed } from './keys.ts'
import { lateThoughReceived } from './late-though-received.ts'
import { isForgetful, type Options } from './options.ts'
import { Watch } from './rare-paths.ts'
import { Stranger } from './stranger.ts'
import { Tallied } from './tallies.ts'
import { ahead, Stalled, VirtualClock } from './virtual-clock.ts'
import { Watchers } from './watchers.ts'
import { testClient, Workload } from './workload.ts'
import { type Place, World } from './world.ts'

export interface Report {
  readonly options: Options
  readonly violations: readonly Violation[]
  readonly operations: readonly Operation[]
  readonly acknowledged: number
  readonly counters: Counters
  /** Of everything that was sent, done and answered, in order. */
  readonly traceHash: string
  readonly trace: readonly string[]
  /** Steps that clients took. */
  readonly steps: readonly number[]
}

/** Busy seeds make a tenth of it. */
const eventsMax = 1_000_000
/** After healing, replicas must agree within this time. */
const convergeMs = 1_500_000
const lookEveryMs = 5_000
/** What is healed must serve again within this time: timers that were set to the full minute have fired by then. */
const recoverMs = 70_000

/**
 * Nobody does anything for so many retentions after the chaos of a run that forgets: members out of reach are waited
 * for, and exchanges come by.
 */
const restRetentions = 6

/** With such a grace whoever does not come back is out before replicas have to agree, and others have its data. */
const outSoonMs = 30_000

type Finals = Awaited<ReturnType<typeof finalsOf>>

interface Run {
  readonly keepTrace?: boolean
  /** Steps of clients that are not taken. */
  readonly skipped?: ReadonlySet<number>
}

/** Runs the options of one seed. */
export async function simulate(
  options: Options,
  { keepTrace = false, skipped = new Set() }: Run = {},
): Promise<Report> {
  const broken = new Set<string>()
  Object.assign(globalThis, { reportError: (error: unknown) => broken.add(String(error)) })
  const clock = new VirtualClock(eventsMax)
  const counters = new Counters()
  const lines: string[] = []
  let hash = 0x811c9dc5
  const trace = (line: string) => {
    const text = `${clock.now.toFixed(3)} ${line}`
    if (keepTrace) lines.push(text)
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  const world = new World(clock, options, counters, trace)
  const watch = new Watch(world)
  const workload = new Workload(world, watch, skipped)
  const watchers = new Watchers(world)
  const tallied = new Tallied(world)
  watch.onServing = (place, node) => {
    watchers.serving(place, node)
    if (options.tallies) tallied.serving(node)
  }
  beginApart(world)
  for (const place of world.places) world.start(place)
  const stranger = options.stranger ? new Stranger(world) : null
  stranger?.start()
  const filler = new Filler(world)
  if (options.filler > 0) clock.after(startMs, () => filler.start())
  if (options.tallies) clock.after(startMs, () => tallied.start())
  const seen: Violation[] = []
  let finals: Finals | undefined
  try {
    finals = await live(world, workload, seen)
    seen.push(...(await watchers.violations(finals)), ...(options.tallies ? await tallied.violations() : []))
    seen.push(...((await stranger?.violations()) ?? []), ...(options.filler > 0 ? await filler.violations() : []))
  } catch (error) {
    if (!(error instanceof Stalled)) throw error
    seen.push({ class: 'STALLED', key: '', subject: `within ${Math.round(clock.now)} ms`, witness: error.message })
  }
  const { operations } = workload
  const conditions = {
    ...usual,
    skewMs: options.skewMs,
    late: workload.late,
    ...(isForgetful(options)
      ? { forgottenBefore: clock.now - options.retentionMs / 2, forgetsAfterMs: options.retentionMs / 2 }
      : {}),
  }
  const checked = finals === undefined ? [] : check(operations, finals, conditions)
  counters.count('late though received', lateThoughReceived(operations, workload.late))
  for (const [how, count] of missed(operations, conditions)) counters.count(`get that missed a write ${how}`, count)
  // A defect may come to more violations than a call takes arguments.
  const told = world.failing?.violations() ?? []
  const untold = finals === undefined ? [] : world.losses.untold(gone(operations, finals, conditions))
  const own = [...world.violations, ...watch.violations, ...workload.untyped, ...workload.claims.violations()]
  for (const witness of broken) own.push({ class: 'BROKEN', key: '', subject: 'an invariant', witness })
  const violations = [...seen, ...told, ...own, ...checked, ...untold]
  if (finals !== undefined) {
    count(watch, operations, finals)
    const { known, believed } = overwrittenDeletes(operations, finals, conditions)
    counters.count('acknowledged delete overwritten or forgotten: its writer must have seen it', known)
    counters.count('acknowledged delete overwritten: seen by the word of a context', believed)
  }
  for (const { node } of world.serving) {
    for (const [kind, count] of Object.entries(node.status().trouble))
      counters.count(`trouble in status: ${kind}`, count)
    void node.close()
  }
  for (const { boot } of world.places) boot?.end()
  const acknowledged = operations.filter(({ type, status }) => type !== 'get' && status === 'ok').length
  const traceHash = (hash >>> 0).toString(16)
  return { options, violations, operations, acknowledged, counters, traceHash, trace: lines, steps: workload.steps }
}

/** Chaos, healing, and what replicas hold in the end; adds to `seen` what is not as it should be. */
async function live(world: World, workload: Workload, seen: Violation[]): Promise<Finals> {
  await world.clock.run(startMs)
  for (let act = 1; act <= world.options.acts; act += 1) seen.push(...(await play(world, workload)))
  seen.push(...(await stillServing(world, workload, world.places)))
  const before = await settle(world, workload, seen)
  await readEverything(world, workload, before)
  seen.push(...(await converge(world, workload)))
  seen.push(...(await idle(world, workload.watch.traffic)))
  const finals = await settle(world, workload, seen)
  seen.push(...(await drift(world, workload.operations)))
  return finals
}

/** What replicas hold once they agree. */
async function settle(world: World, workload: Workload, seen: Violation[]): Promise<Finals> {
  let finals: Finals
  let placed: string
  do {
    seen.push(...(await converge(world, workload)))
    placed = placements(world)
    finals = await finalsOf(world, workload)
    // A grace that ends in this very moment moves ownership once more: then they have to agree again.
  } while (placements(world) !== placed)
  return finals
}

/**
 * One act: chaos, perhaps a core that goes on alone, then everything is healed. Until then one device at most loses
 * data.
 */
async function play(world: World, workload: Workload): Promise<readonly Violation[]> {
  const { clock, options, network, chance } = world
  world.calm = false
  network.calm = false
  // A node whose database is gone keeps its place in the ring for its grace, and what is kept for it stays where it is.
  // So long as that is so, a run wipes one device only.
  const next = chance.pick(world.places).device
  if (!options.wipe || options.graceMs <= outSoonMs) world.victim = next
  workload.start(clock.now + options.chaosMs)
  awaitRing(world, clock.now + options.chaosMs)
  unleash(world)
  await clock.run(options.chaosMs)
  const violations: Violation[] = []
  if (options.core) {
    const core = healCore(world)
    world.reopenEnded()
    await clock.run(recoverMs)
    if (world.hasEnded) {
      // A node that learns late that it has left, or that its disk fails, ends by its own word, and is opened again.
      world.counters.count('a node of the core ended late, and was opened again')
      world.reopenEnded()
      await clock.run(recoverMs)
    }
    violations.push(...(await stillServing(world, workload, core)))
  }
  network.reunite()
  wake(world, world.places)
  await clock.run(recoverMs)
  violations.push(...(await converge(world, workload)))
  if (isForgetful(options)) {
    // What happened is older than the retention by then, and what may be forgotten is.
    await clock.run(restRetentions * options.retentionMs)
    await drift(world, workload.operations)
    violations.push(...(await converge(world, workload)))
  }
  return violations
}

function count(
  watch: Watch,
  operations: readonly Operation[],
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
): void {
  for (const [, [replica]] of finals) {
    if (replica !== undefined && replica.vids.length > 0 && replica.dead.some((name) => name.startsWith('d')))
      watch.saw('delete beside a value it had not seen, in the end')
  }
  for (const operation of outcomes(operations, finals)) {
    if (operation.status === 'unknown') watch.saw('write of unknown outcome there in the end')
    if (operation.quorum === false) watch.saw('write below its quorum there in the end')
  }
}

const keysOf = (operations: readonly Operation[]): readonly string[] =>
  [...new Set(operations.map(({ key }) => key))].sort()

/** How those who serve place keys, each by itself. */
const placements = (world: World): string => world.serving.map(({ node }) => partsOf(node).routing.hash).join()

/** Waits until owners agree on every key and owe nothing to anybody who runs. */
async function converge(world: World, workload: Workload): Promise<readonly Violation[]> {
  let missing = ''
  for (let waited = 0; waited <= convergeMs; waited += lookEveryMs) {
    await world.clock.run(lookEveryMs)
    missing = await disagreement(world, workload).catch((error: unknown) => `a node ended meanwhile: ${error}`)
    if (missing === '') return []
  }
  return [{ class: 'NOT_CONVERGED', key: '', subject: `after ${convergeMs} ms`, witness: missing }]
}

async function disagreement(world: World, workload: Workload): Promise<string> {
  world.reopenEnded()
  const { serving, places } = world
  const due = places.filter(({ gone }) => !gone).length
  if (serving.length < due) return `${serving.length} of ${due} nodes serve`
  if (new Set(serving.map(({ node }) => node.id)).size < serving.length) return 'two places are one node'
  const views = new Set(serving.map(({ node }) => partsOf(node).routing.hash))
  if (views.size > 1) return `${views.size} member views`
  const placed = 1 + (serving[0] === undefined ? 0 : partsOf(serving[0].node).routing.others.length)
  if (world.options.graceMs <= outSoonMs && placed > serving.length) return `${placed} members, ${serving.length} serve`
  const syncing = serving.find(({ node }) => partsOf(node).ownership.syncing.length > 0)
  if (syncing !== undefined)
    return `place ${syncing.place.index} still fetches ${partsOf(syncing.node).ownership.syncing.length} partitions`
  for (const { place, node } of serving) {
    for (const other of serving) {
      const owed = await ahead(world.clock, partsOf(node).replica.hints.owedTo(other.node.id))
      if (owed.size > 0) return `place ${place.index} owes a hint to place ${other.place.index}`
    }
  }
  const finals = await finalsOf(world, workload)
  for (const [key, replicas] of finals) {
    const texts = new Set(
      replicas.map(({ vids, dead }) => `${[...vids].sort().join(' ')} / ${[...dead].sort().join(' ')}`),
    )
    if (texts.size > 1) return `owners of ${key} hold ${[...texts].join(' | ')}`
  }
  return ''
}

/** What each owner of each key holds by itself. */
async function finalsOf(
  world: World,
  { operations, watch }: Workload,
): Promise<ReadonlyMap<string, readonly FinalReplica[]>> {
  // Counters run per key, so a dot names a write only together with its key.
  const byDot = new Map(
    operations.flatMap(({ key, dot, vid }) => (dot === undefined ? [] : [[`${key} ${dot}`, vid ?? '']])),
  )
  const finals = new Map<string, readonly FinalReplica[]>()
  for (const key of keysOf(operations)) {
    const stored = keyNamed(key)
    const [first] = world.serving
    const ids = first === undefined ? [] : partsOf(first.node).routing.ownersOf(partitionOf(stored))
    const owners = world.serving.filter(({ node }) => ids.includes(node.id))
    const horizon = Math.max(0, ...owners.map(({ node }) => partsOf(node).progress.horizonOf(partitionOf(stored))))
    const replicas: FinalReplica[] = []
    for (const { place, node } of owners) {
      const [entry] = await ahead(world.clock, partsOf(node).replica.records([keyHashOf(stored)]))
      const siblings = entry?.record.siblings ?? []
      // Whether a replica still has a value that expires makes no difference, nor what may be forgotten.
      const lasts = (sibling: Sibling) => sibling.kind === 'value' && sibling.expiresAt === null
      const names = (which: readonly Sibling[]) =>
        which.map(({ dot }) => byDot.get(`${key} ${dotName(dot)}`) ?? `unknown dot ${dotName(dot)}`)
      const dead = names(siblings.filter((sibling) => !lasts(sibling) && sibling.time > horizon))
      if (horizon > 0 && entry === undefined && operations.some((each) => each.key === key && each.status === 'ok'))
        watch.saw('key forgotten')
      if (siblings.some(({ kind }) => kind === 'expired')) watch.saw('expired value given up')
      replicas.push({ node: `place ${place.index}`, vids: names(siblings.filter(lasts)), dead })
    }
    finals.set(key, replicas)
  }
  return finals
}

/** Tries say exactly what is stored. */
async function drift(world: World, operations: readonly Operation[]): Promise<readonly Violation[]> {
  const found: Violation[] = []
  for (const { place, node } of world.serving) {
    for (const key of keysOf(operations)) {
      const differing = await ahead(world.clock, partsOf(node).replica.scrub(partitionOf(keyNamed(key))))
      if (differing > 0 && !(world.options.rotEveryMs > 0 && place.device === world.victim))
        found.push({ class: 'DRIFTED', key, subject: `place ${place.index}`, witness: `${differing} keys` })
    }
  }
  return found
}

/** Where nothing fails any more, each of these nodes takes a write and answers a read. */
async function stillServing(world: World, workload: Workload, places: readonly Place[]): Promise<readonly Violation[]> {
  const found: Violation[] = []
  for (const spot of world.serving.filter(({ place }) => places.includes(place))) {
    const put = await ahead(world.clock, workload.put(testClient, spot, 'key 1', true))
    const get = await ahead(world.clock, workload.get(testClient, spot, 'key 1'))
    // Whoever is in the middle of leaving has said that it answers no more.
    if (partsOf(spot.node).lifetime.isClosing) continue
    for (const operation of [put, get]) {
      // An answer is what is asked for here; on one device alone it is none that the history may rely on.
      if (operation.returned === Infinity || operation.status === 'fail')
        found.push({
          class: 'UNAVAILABLE',
          key: 'key 1',
          subject: `${operation.type} at place ${spot.place.index}`,
          witness: operation.status,
        })
    }
  }
  return found
}
