/**
 * One seed: chaos, then everything is healed, and what was promised must hold.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { StoredKey } from '../../src/core/ids.ts'
import { dotName } from '../../src/core/versioning/causal-history.ts'
import { storedKey } from '../../src/core/versioning/stored-key.ts'
import { Chance } from './chance.ts'
import { check, type FinalReplica, type Operation, type Violation } from './checker.ts'
import { Counters } from './counters.ts'
import { unleash } from './faults.ts'
import { type Options, optionsOf } from './options.ts'
import { VirtualClock } from './virtual-clock.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'

export interface Report {
  readonly options: Options
  readonly violations: readonly Violation[]
  readonly operations: readonly Operation[]
  readonly acknowledged: number
  readonly counters: Counters
  /** Of everything that was sent, done and answered, in order. */
  readonly traceHash: string
  readonly trace: readonly string[]
}

/** After healing, replicas must agree within this time. */
const convergeMs = 600_000
const lookEveryMs = 5_000

/** Runs one seed. `keepTrace` keeps the lines, not only their hash. */
export async function simulate(seed: number, { faults = true, keepTrace = false } = {}): Promise<Report> {
  const options = optionsOf(seed, faults)
  const clock = new VirtualClock()
  const counters = new Counters()
  const lines: string[] = []
  let hash = 0x811c9dc5
  const trace = (line: string) => {
    const text = `${clock.now.toFixed(3)} ${line}`
    if (keepTrace) lines.push(text)
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  const world = new World(clock, new Chance(seed * 2 + 1), options, counters, trace)
  const workload = new Workload(world)
  for (const place of world.places) world.start(place)
  await clock.run(4_000)
  workload.start(clock.now + options.chaosMs)
  unleash(world)
  await clock.run(options.chaosMs)
  heal(world)
  const violations = [...(await converge(world, workload))]
  violations.push(...workload.untyped, ...(await stillServing(world, workload)))
  violations.push(...(await converge(world, workload)))
  violations.push(...check(workload.operations, await finalsOf(world, workload.operations)))
  for (const { node } of world.serving) void node.close()
  const acknowledged = workload.operations.filter(({ type, status }) => type !== 'get' && status === 'ok').length
  return {
    options,
    violations,
    operations: workload.operations,
    acknowledged,
    counters,
    traceHash: (hash >>> 0).toString(16),
    trace: lines,
  }
}

/** Nothing fails any more: links are whole, everybody is awake and runs. */
function heal(world: World): void {
  world.calm = true
  world.network.calm = true
  world.network.heal()
  for (const place of world.places) {
    place.boot?.thaw()
    place.skewMs = 0
    world.start(place)
  }
}

const keyNamed = (key: string): StoredKey => storedKey({ mode: 'siblings', collection: '', key })
const keysOf = (operations: readonly Operation[]): readonly string[] =>
  [...new Set(operations.map(({ key }) => key))].sort()

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
  const views = new Set(serving.map(({ node }) => node.routing.hash))
  if (views.size > 1) return `${views.size} member views`
  const syncing = serving.find(({ node }) => node.ownership.syncing.length > 0)
  if (syncing !== undefined)
    return `place ${syncing.place.index} still fetches ${syncing.node.ownership.syncing.length} partitions`
  for (const { place, node } of serving) {
    for (const other of serving) {
      const owed = await ahead(world, node.replica.owedTo(other.node.id, 1))
      if (owed.length > 0) return `place ${place.index} owes a hint to place ${other.place.index}`
    }
  }
  const finals = await finalsOf(world, workload.operations)
  for (const [key, replicas] of finals) {
    const texts = new Set(
      replicas.map(({ vids, dead }) => `${[...vids].sort().join(' ')} / ${[...dead].sort().join(' ')}`),
    )
    if (texts.size > 1) return `owners of ${key} hold ${[...texts].join(' | ')}`
  }
  return ''
}

/** Lets time pass until the promise has settled. */
async function ahead<T>(world: World, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let steps = 0; !isSettled && steps < 1000; steps += 1) await world.clock.run(20)
  if (!isSettled) throw new Error('a promise did not settle in 20 s of virtual time')
  return promise
}

/** What each owner of each key holds by itself. */
async function finalsOf(
  world: World,
  operations: readonly Operation[],
): Promise<ReadonlyMap<string, readonly FinalReplica[]>> {
  // Counters run per key, so a dot names a write only together with its key.
  const byDot = new Map(
    operations.flatMap(({ key, dot, vid }) => (dot === undefined ? [] : [[`${key} ${dot}`, vid ?? '']])),
  )
  const finals = new Map<string, readonly FinalReplica[]>()
  for (const key of keysOf(operations)) {
    const stored = keyNamed(key)
    const owners = world.serving.filter(({ node }) =>
      world.serving[0]?.node.routing.ownersOf(partitionOf(stored)).includes(node.id),
    )
    const replicas: FinalReplica[] = []
    for (const { place, node } of owners) {
      const [entry] = await ahead(world, node.replica.records([stored]))
      const siblings = entry?.record.siblings ?? []
      const names = (kind: 'value' | 'tombstone') =>
        siblings
          .filter((sibling) => sibling.kind === kind)
          .map(({ dot }) => byDot.get(`${key} ${dotName(dot)}`) ?? `unknown dot ${dotName(dot)}`)
      replicas.push({ node: `place ${place.index}`, vids: names('value'), dead: names('tombstone') })
    }
    finals.set(key, replicas)
  }
  return finals
}

/** In a healed world every node takes a write and answers a read with its quorum. */
async function stillServing(world: World, workload: Workload): Promise<readonly Violation[]> {
  const found: Violation[] = []
  for (const { place, node } of world.serving) {
    const put = await ahead(world, workload.put(99, place, node, 'key 1', true))
    const get = await ahead(world, workload.get(99, place, node, 'key 1'))
    for (const operation of [put, get]) {
      // An answer is what is asked for here; on one device alone it is none that the history may rely on.
      if (operation.returned === Infinity || operation.status === 'fail')
        found.push({
          class: 'UNAVAILABLE',
          key: 'key 1',
          subject: `${operation.type} at place ${place.index}`,
          witness: operation.status,
        })
    }
  }
  return found
}
