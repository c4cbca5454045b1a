/**
 * The checker: what a history of clients' operations, and the replicas after it, must never show.
 *
 * It relies on what clients saw, never on the store's own histories: `Covers(w)` is what the client whose context was
 * handed in had seen. Unknown outcomes are neither required nor forbidden. One class of violation a rule; see each
 * rule's text.
 */
import type { FinalReplica, Operation } from './history.ts'
import { Fates, Sight } from './sight.ts'

export interface Violation {
  readonly class:
    | 'LOST_WRITE'
    | 'RESURRECTED'
    | 'UNSUPERSEDED'
    | 'DIVERGED'
    | 'DRIFTED'
    | 'PHANTOM'
    | 'FALSE_SIBLING'
    | 'MISCOUNTED'
    | 'DOT_REUSE'
    | 'FAILED_WRITE_VISIBLE'
    | 'READ_YOUR_WRITES'
    | 'MONOTONIC_READ'
    | 'STALE_QUORUM_READ'
    | 'ACK_NOT_DURABLE'
    | 'UNAVAILABLE'
    | 'NOT_CONVERGED'
    | 'STALLED'
    | 'BROKEN'
    | 'EXPIRED'
    | 'UNTYPED_ERROR'
    | 'MISREAD'
    | 'NOISY'
    | 'GROWING'
    | 'LATE_ANSWER'
    | 'WRONG_EVENT'
    | 'STORE_UNTRUE'
    | 'UNTOLD_LOSS'
    | 'OVERCLAIMED'
    | 'STRANGER'
    | 'WRONG_JOIN'
    | 'STALE_VIEW'
  readonly key: string
  readonly subject: string
  readonly witness: string
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
  'OVERCLAIMED',
])

type Report = (kind: Violation['class'], subject: string, witness: string) => void

/** Acknowledged and excused writes that the owners lack in the end. Nobody who had seen them has overwritten them. */
export function gone(
  operations: readonly Operation[],
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
  conditions: Conditions,
): readonly Operation[] {
  return [...byKey(operations)].flatMap(([key, ofKey]) => {
    const fates = new Fates(ofKey, finals.get(key) ?? [], new Sight(ofKey), conditions)
    return ofKey.filter((write) => write.isExcused === true && fates.isGone(write))
  })
}

/**
 * Counts acknowledged deletes that a client has overwritten. `known`: the client must have seen them, because it had
 * made them itself or read at owners after them. `believed`: only its context says that it had seen them.
 */
export function overwrittenDeletes(
  operations: readonly Operation[],
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
  conditions: Conditions,
): { readonly known: number; readonly believed: number } {
  const counts = { known: 0, believed: 0 }
  for (const [key, ofKey] of byKey(operations)) {
    const deletes = new Map(ofKey.flatMap((each) => (each.type === 'delete' ? [[each.vid ?? '', each]] : [])))
    const mustHave = (read: Operation, vid: string) => {
      const { quorum, pw = 0, returned } = deletes.get(vid) ?? { returned: never }
      const isOwned = quorum === true && read.quorum === true && (read.pr ?? 0) + pw > conditions.n
      return isOwned && returned < read.invoked && read.reached?.includes(vid) === true
    }
    const replicas = finals.get(key) ?? []
    const dead = new Set(replicas.flatMap((replica) => replica.dead))
    const due = [...deletes.values()].filter(({ vid = '', status }) => status === 'ok' && !dead.has(vid))
    const overwritten = (sight: Sight) => {
      const fates = new Fates(ofKey, replicas, sight, conditions)
      return due.filter((each) => !fates.isGone(each)).length
    }
    const known = overwritten(new Sight(ofKey, mustHave))
    counts.known += known
    counts.believed += overwritten(new Sight(ofKey)) - known
  }
  return counts
}

function checkFinals(
  operations: readonly Operation[],
  finals: readonly FinalReplica[],
  sight: Sight,
  conditions: Conditions,
  report: Report,
): void {
  const writes = operations.filter((operation) => operation.type !== 'get')
  const fates = new Fates(operations, finals, sight, conditions)
  const live = new Set(finals.flatMap(({ vids }) => vids))
  const dead = new Set(finals.flatMap(({ dead: deletes }) => deletes))
  for (const write of writes) {
    const vid = write.vid ?? ''
    // An acknowledged write is there, or somebody who had seen it has written since.
    if (write.status === 'ok' && fates.isGone(write))
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
    // A context that names a delete, or a value that has expired, comes with nothing of what that had seen.
    for (const end of read.deletesNamed ?? []) {
      for (const vid of vids) {
        if (vid !== end && sight.covers(end).has(vid))
          report('OVERCLAIMED', vid, `read by operation ${read.id}, whose context claims ${end}, which had seen it`)
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
