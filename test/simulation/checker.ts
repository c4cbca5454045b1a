/**
 * The checker: what a history of clients' operations, and the replicas after it, must never show.
 *
 * It relies on what clients saw, never on the store's own histories: `Covers(w)` is what the client whose context was
 * handed in had seen. Unknown outcomes are neither required nor forbidden. One class of violation a rule; see each
 * rule's text.
 */
import type { DeviceId, HybridTime } from '../../src/core/ids.ts'

export interface Operation {
  readonly id: number
  readonly client: number
  readonly type: 'put' | 'delete' | 'get'
  readonly key: string
  /** Of writes: a name no other write has, which is also the value stored. */
  readonly vid?: string
  /** Of writes: the operation whose context was handed in; null for a blind write. */
  readonly contextFrom?: number | null
  /** Of puts: when the value expires, by the clock that operations are timed with. */
  readonly expiresAt?: number
  readonly invoked: number
  returned: number
  /** `fail`: the store says that nothing changed. `unknown`: it may have taken effect, or may yet. */
  status: 'ok' | 'fail' | 'unknown'
  dot?: string
  /** The hybrid time of a write whose dot is known. */
  time?: HybridTime
  /** Of gets: the values returned, and the deletes that their context covers, and with them the values that expire. */
  vids?: readonly string[]
  deletesSeen?: readonly string[]
  /**
   * Of gets that were to see at least what an operation of the same client had seen, and say they do: that operation.
   */
  atLeast?: number
  /** Whether as many nodes had a write, or answered a get, as its client asked for. */
  quorum?: boolean
  /** How many were asked for: r or w, and owners among them. */
  nodes?: number
  pr?: number
  pw?: number
  /** Of writes: the devices that had it when it was answered. */
  heldOn?: readonly DeviceId[]
  /** Of gets in the end: the values that each owner held. */
  held?: readonly string[]
  /** Of gets: earlier writes of which a holder could be asked all the while. */
  reached?: readonly string[]
}

/** What the owners of a key hold in the end, each by itself. */
export interface FinalReplica {
  readonly node: string
  readonly vids: readonly string[]
  readonly dead: readonly string[]
}

export interface Violation {
  readonly class:
    | 'LOST_WRITE'
    | 'RESURRECTED'
    | 'UNSUPERSEDED'
    | 'DIVERGED'
    | 'DRIFTED'
    | 'PHANTOM'
    | 'FALSE_SIBLING'
    | 'DOT_REUSE'
    | 'FAILED_WRITE_VISIBLE'
    | 'READ_YOUR_WRITES'
    | 'MONOTONIC_READ'
    | 'STALE_QUORUM_READ'
    | 'ACK_NOT_DURABLE'
    | 'UNAVAILABLE'
    | 'NOT_CONVERGED'
    | 'STALLED'
    | 'EXPIRED'
    | 'UNTYPED_ERROR'
    | 'MISREAD'
    | 'NOISY'
    | 'GROWING'
    | 'LATE_ANSWER'
    | 'WRONG_EVENT'
    | 'STORE_UNTRUE'
  readonly key: string
  readonly subject: string
  readonly witness: string
}

/** What every operation had seen, and what every write covers. */
export class Sight {
  readonly #operations: ReadonlyMap<number, Operation>
  readonly #writes: ReadonlyMap<string, Operation>
  readonly #seen = new Map<number, ReadonlySet<string>>()
  readonly #covers = new Map<string, ReadonlySet<string>>()

  constructor(operations: readonly Operation[]) {
    this.#operations = new Map(operations.map((operation) => [operation.id, operation]))
    this.#writes = new Map(
      operations.flatMap((operation) => (operation.vid === undefined ? [] : [[operation.vid, operation]])),
    )
  }

  /** Everything an operation returned or wrote, and all that this covers. */
  seen(operation: Operation): ReadonlySet<string> {
    const known = this.#seen.get(operation.id)
    if (known !== undefined) return known
    const base = [
      ...(operation.vids ?? []),
      ...(operation.deletesSeen ?? []),
      ...(operation.vid === undefined ? [] : [operation.vid]),
    ]
    const seen = this.dominated(base)
    this.#seen.set(operation.id, seen)
    return seen
  }

  /** What a write replaced: what its writer had seen, without itself. */
  covers(vid: string): ReadonlySet<string> {
    const known = this.#covers.get(vid)
    if (known !== undefined) return known
    const write = this.#writes.get(vid)
    const from = write?.contextFrom
    const reader = from === null || from === undefined ? undefined : this.#operations.get(from)
    // A write never covers itself; marking it first ends the search where a broken history goes round.
    this.#covers.set(vid, new Set())
    const covered = new Set(reader === undefined ? [] : this.seen(reader))
    covered.delete(vid)
    this.#covers.set(vid, covered)
    return covered
  }

  /** These and all they cover. */
  dominated(vids: Iterable<string>): ReadonlySet<string> {
    const all = new Set<string>()
    for (const vid of vids) {
      all.add(vid)
      for (const covered of this.covers(vid)) all.add(covered)
    }
    return all
  }
}

/** What makes a difference to what may happen. */
export interface Conditions {
  /** Clocks of nodes are off by so much. */
  readonly skewMs: number
  /** Writes that were told as late: what had overwritten them may be forgotten. */
  readonly late: ReadonlySet<string>
  /** Deletes from before that time may be forgotten, and values that have expired. */
  readonly forgottenBefore: number
  /** So old they are at least before they may be. */
  readonly forgetsAfterMs: number
  /** Nodes that own a key. */
  readonly n: number
}

const never = Number.POSITIVE_INFINITY
export const usual: Conditions = { skewMs: 0, late: new Set(), forgottenBefore: -never, forgetsAfterMs: never, n: 3 }

/** All violations of one run. `finals` is what the owners hold after everything was healed. */
export function check(
  operations: readonly Operation[],
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
  conditions: Conditions = usual,
): readonly Violation[] {
  const grouped = byKey(operations)
  const keys = [...new Set([...grouped.keys(), ...finals.keys()])]
  return keys.flatMap((key) => checkKey(key, grouped.get(key) ?? [], finals.get(key) ?? [], conditions))
}

/** Acknowledged writes, and those of unknown outcome, that the owners hold or that something they hold had seen. */
export function outcomes(
  operations: readonly Operation[],
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
): readonly Operation[] {
  return [...finals].flatMap(([key, replicas]) => {
    const ofKey = operations.filter((operation) => operation.key === key)
    const there = new Sight(ofKey).dominated(replicas.flatMap(({ vids, dead }) => [...vids, ...dead]))
    return ofKey.filter(({ vid, status }) => vid !== undefined && status !== 'fail' && there.has(vid))
  })
}

function checkKey(
  key: string,
  operations: readonly Operation[],
  finals: readonly FinalReplica[],
  conditions: Conditions,
): readonly Violation[] {
  const sight = new Sight(operations)
  const found: Violation[] = []
  const report = (kind: Violation['class'], subject: string, witness: string) => {
    if (!comesBack.has(kind) || !conditions.late.has(subject)) found.push({ class: kind, key, subject, witness })
  }
  checkFinals(operations, finals, sight, conditions, report)
  checkReads(operations, sight, report)
  checkQuorums(operations, sight, conditions, report)
  checkExpiry(operations, sight, conditions.skewMs, report)
  checkDots(operations, report)
  return found
}

/** What is no violation of a write that was told as late. */
const comesBack: ReadonlySet<Violation['class']> = new Set([
  'RESURRECTED',
  'UNSUPERSEDED',
  'FALSE_SIBLING',
  'READ_YOUR_WRITES',
  'MONOTONIC_READ',
  'STALE_QUORUM_READ',
])

type Report = (kind: Violation['class'], subject: string, witness: string) => void

function checkFinals(
  operations: readonly Operation[],
  finals: readonly FinalReplica[],
  sight: Sight,
  { forgottenBefore }: Conditions,
  report: Report,
): void {
  const writes = operations.filter((operation) => operation.type !== 'get')
  const live = new Set(finals.flatMap(({ vids }) => vids))
  const dead = new Set(finals.flatMap(({ dead: deletes }) => deletes))
  const dominated = sight.dominated([...live, ...dead])
  const isForgotten = ({ type, expiresAt, invoked }: Operation) =>
    (type === 'delete' || expiresAt !== undefined) && invoked < forgottenBefore
  const took = (write: Operation) =>
    write.status === 'ok' || (write.status === 'unknown' && (dominated.has(write.vid ?? '') || isForgotten(write)))
  for (const write of writes) {
    const vid = write.vid ?? ''
    // An acknowledged write is there, or somebody who had seen it has written since.
    const isLost =
      write.status === 'ok' &&
      !isForgotten(write) &&
      !dominated.has(vid) &&
      !writes.some((other) => took(other) && sight.covers(other.vid ?? '').has(vid))
    if (isLost)
      report(
        'LOST_WRITE',
        vid,
        `acknowledged by operation ${write.id}; the owners hold ${[...live].join(' ')} and deletes ${[...dead].join(' ')}`,
      )
    // What an acknowledged write had seen is gone.
    for (const covered of write.status === 'ok' ? sight.covers(vid) : []) {
      if (live.has(covered) || dead.has(covered))
        report(write.type === 'delete' ? 'RESURRECTED' : 'UNSUPERSEDED', covered, `${write.type} ${vid} had seen it`)
    }
    if (write.status === 'fail' && live.has(vid)) report('FAILED_WRITE_VISIBLE', vid, 'at an owner in the end')
  }
  const [first, ...others] = finals.map(({ node, vids, dead: deletes }) => ({
    node,
    text: `${[...vids].sort().join(' ')} / ${[...deletes].sort().join(' ')}`,
  }))
  for (const other of others) {
    if (first !== undefined && other.text !== first.text)
      report('DIVERGED', other.node, `${first.node} holds ${first.text}; ${other.node} holds ${other.text}`)
  }
}

function checkReads(operations: readonly Operation[], sight: Sight, report: Report): void {
  const writes = new Map(
    operations.flatMap((operation) => (operation.vid === undefined ? [] : [[operation.vid, operation]])),
  )
  for (const read of operations.filter(({ type, status }) => type === 'get' && status === 'ok')) {
    const vids = read.vids ?? []
    for (const vid of vids) {
      const write = writes.get(vid)
      if (write === undefined || write.invoked > read.returned) report('PHANTOM', vid, `read by operation ${read.id}`)
      if (write?.status === 'fail') report('FAILED_WRITE_VISIBLE', vid, `read by operation ${read.id}`)
      // Siblings are an antichain: none of them was written by somebody who had seen another.
      for (const other of vids) {
        if (other !== vid && sight.covers(other).has(vid))
          report('FALSE_SIBLING', vid, `beside ${other}, which had seen it, in operation ${read.id}`)
      }
    }
    checkSession(read, operations, sight, report)
    for (const vid of read.held ?? []) {
      if (!sight.seen(read).has(vid))
        report('MISREAD', vid, `each owner held it, and operation ${read.id} found ${vids}`)
    }
  }
}

/** What a get with a quorum missed of what was written with one before it. */
interface Missed {
  readonly read: Operation
  readonly write: Operation
  /**
   * Not sloppy: owners that had to answer and those that had to store have one in common. In reach: a holder could be
   * asked.
   */
  readonly how: 'within reach' | 'across a cut' | 'by a sloppy quorum'
}

function* missedOf(
  operations: readonly Operation[],
  sight: Sight,
  { forgetsAfterMs, n }: Conditions,
): Generator<Missed> {
  const writes = operations.filter(({ type, status, quorum }) => type !== 'get' && status === 'ok' && quorum === true)
  const ends = operations.filter(({ type, status, expiresAt }) => {
    return status !== 'fail' && (type === 'delete' || expiresAt !== undefined)
  })
  for (const read of operations.filter(
    ({ type, status, quorum }) => type === 'get' && status === 'ok' && quorum === true,
  )) {
    const seen = sight.seen(read)
    // A delete of which nothing is known any more, or whose dot is not known, cannot be told from its absence.
    const isHidden = ({ dot, invoked }: Operation) =>
      invoked < read.returned && (dot === undefined || invoked < read.returned - forgetsAfterMs)
    const hidden = ends.filter(isHidden).flatMap(({ vid = '' }) => [vid, ...sight.covers(vid)])
    const gone = new Set(hidden)
    for (const write of writes) {
      const { vid = '', returned, nodes = 0, pw = 0 } = write
      if (returned >= read.invoked || seen.has(vid) || gone.has(vid)) continue
      const isOwned = (read.pr ?? 0) + pw > n
      if (!isOwned && (read.nodes ?? 0) + nodes <= n) continue
      const isReached = read.reached?.includes(vid) === true
      yield { read, write, how: isOwned ? (isReached ? 'within reach' : 'across a cut') : 'by a sloppy quorum' }
    }
  }
}

/** What a get has not seen that demanded owners, of what owners had stored, where it could have asked one of them. */
function checkQuorums(operations: readonly Operation[], sight: Sight, conditions: Conditions, report: Report): void {
  for (const { read, write, how } of missedOf(operations, sight, conditions)) {
    if (how === 'within reach')
      report('STALE_QUORUM_READ', write.vid ?? '', `operation ${read.id} came later and has not seen it`)
  }
}

/** How many gets with a quorum missed a write with one, though nothing more was promised. */
export function missed(operations: readonly Operation[], conditions: Conditions): ReadonlyMap<Missed['how'], number> {
  const counts = new Map<Missed['how'], Set<number>>()
  for (const ofKey of byKey(operations).values()) {
    for (const { read, how } of missedOf(ofKey, new Sight(ofKey), conditions)) {
      const reads = counts.get(how) ?? new Set()
      counts.set(how, reads.add(read.id))
    }
  }
  return new Map([...counts].map(([how, reads]) => [how, reads.size]))
}

export function byKey(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const keys = new Map<string, Operation[]>()
  for (const operation of operations) {
    const ofKey = keys.get(operation.key)
    if (ofKey === undefined) keys.set(operation.key, [operation])
    else ofKey.push(operation)
  }
  return keys
}

/** A client that asked for at least what it had seen sees that, and what it wrote itself. */
function checkSession(read: Operation, operations: readonly Operation[], sight: Sight, report: Report): void {
  const before = operations.find(({ id }) => id === read.atLeast)
  if (before === undefined) return
  const own = new Set(
    operations.flatMap(({ client, vid }) => (client === read.client && vid !== undefined ? [vid] : [])),
  )
  // A delete whose dot is not known cannot be told from its absence.
  const known = new Set(operations.flatMap(({ type, vid, dot }) => (type === 'put' || dot !== undefined ? [vid] : [])))
  for (const vid of sight.seen(before)) {
    if (sight.seen(read).has(vid) || !known.has(vid)) continue
    const witness = `operation ${read.id} was to see what ${before.id} had`
    report(own.has(vid) ? 'READ_YOUR_WRITES' : 'MONOTONIC_READ', vid, witness)
  }
}

/**
 * A value is read until it expires, if nobody has overwritten it, and no more after that, as far as clocks can tell.
 */
function checkExpiry(operations: readonly Operation[], sight: Sight, skewMs: number, report: Report): void {
  // What a delete has seen whose dot is not known looks like what has expired too soon.
  const isTold = operations.every(({ type, dot }) => type !== 'delete' || dot !== undefined)
  const expiring = operations.filter(({ expiresAt }) => expiresAt !== undefined)
  for (const read of operations.filter(({ type, status }) => type === 'get' && status === 'ok')) {
    const { vids = [], deletesSeen = [], id, invoked, returned } = read
    const seen = sight.seen(read)
    for (const { vid = '', expiresAt = 0 } of expiring) {
      if (vids.includes(vid) && invoked > expiresAt + skewMs)
        report('EXPIRED', vid, `read by operation ${id}, ${invoked - expiresAt} ms after`)
      const isGone = deletesSeen.includes(vid) && !vids.includes(vid) && returned < expiresAt - skewMs
      if (isTold && isGone && ![...seen].some((other) => sight.covers(other).has(vid)))
        report('EXPIRED', vid, `gone in operation ${id}, ${expiresAt - returned} ms before`)
    }
  }
}

function checkDots(operations: readonly Operation[], report: Report): void {
  const owners = new Map<string, string>()
  for (const { dot, vid } of operations) {
    if (dot === undefined || vid === undefined) continue
    const other = owners.get(dot)
    if (other !== undefined && other !== vid) report('DOT_REUSE', dot, `${other} and ${vid}`)
    owners.set(dot, vid)
  }
}
