/**
 * A record and the one operation that ever changes what it says: join. (A value that has expired may be given up
 * besides; its dot and its digest stay, so the record says the same.)
 *
 * A record is a causal history and the siblings that survive it. `join(a, b)` unites the histories and keeps a
 * sibling if both hold it, or if the other's history lacks its dot: what the other side knew and no longer holds was
 * overwritten by somebody who had seen it. That makes join commutative, associative and idempotent (the multi-value
 * register over a causal context; Almeida, Shoker, Baquero 2016), so put, hint, read repair, handoff and exchange may
 * arrive in any order, any number of times (Dynamo, section 4.4, with its vector clocks made exact).
 *
 * A put is a delta: the history its writer saw, plus one new dot, and one sibling under that dot.
 */
import { hexToBytes } from '@noble/hashes/utils.js'
import { digestOf } from '../hash.ts'
import type { Digest, HybridTime } from '../ids.ts'
import {
  type CausalHistory,
  compareDots,
  type Dot,
  dotName,
  emptyHistory,
  includes,
  isBlank,
  names,
  pruned,
  unite,
  type Written,
} from './causal-history.ts'
import { wallOf } from './hybrid-time.ts'

/** A value that survives, in its writer's encoding; `expiresAt` in ms since 1970, or null for never. */
export interface ValueSibling extends Written {
  readonly kind: 'value'
  readonly value: Uint8Array
  readonly expiresAt: number | null
}
/** A delete that survives. */
export interface Tombstone extends Written {
  readonly kind: 'tombstone'
}
/**
 * A value that has expired, of which only the hash is kept: a tombstone with its dot, and replicas that still hold it
 * agree.
 */
export interface Expired extends Written {
  readonly kind: 'expired'
  readonly expiresAt: number
  readonly valueHash: Digest
}
export type Sibling = ValueSibling | Tombstone | Expired

/** What is to be written, before it is signed. */
export type Unwritten = Omit<ValueSibling, keyof Written> | Omit<Tombstone, keyof Written>

export interface Record {
  readonly history: CausalHistory
  /** In dot order, no dot twice. */
  readonly siblings: readonly Sibling[]
}

export const emptyRecord: Record = { history: emptyHistory, siblings: [] }

/** The record that knows what either knows. See the head of this file. */
export function join(a: Record, b: Record): Record {
  if (a === b) return a
  const history = unite(a.history, b.history)
  const survivors = new Map<string, Sibling>()
  keepSurvivors(survivors, a, b)
  keepSurvivors(survivors, b, a)
  return { history, siblings: [...survivors.values()].sort((x, y) => compareDots(x.dot, y.dot)) }
}

/** Adds to `survivors` those siblings of `mine` that `other` holds too or has never seen. */
function keepSurvivors(survivors: Map<string, Sibling>, mine: Record, other: Record): void {
  const held = new Set(other.siblings.map((sibling) => dotName(sibling.dot)))
  for (const sibling of mine.siblings) {
    const name = dotName(sibling.dot)
    if (!held.has(name) && names(other.history, sibling.dot)) continue
    const twin = survivors.get(name)
    if (twin === undefined || compareContents(twin, sibling) < 0) survivors.set(name, sibling)
  }
}

/** Whether the write with this dot is a sibling of the record. */
export const holdsDot = ({ siblings }: Record, dot: Dot): boolean =>
  siblings.some((held) => compareDots(held.dot, dot) === 0)

/** Which of two writes is the later one, the same on every node: by hybrid time, then dot, then contents. */
export function compareWrites(a: Sibling, b: Sibling): number {
  return a.time - b.time || compareDots(a.dot, b.dot) || compareContents(a, b)
}

/**
 * Tells siblings of one dot apart. They are equal unless a dot was used twice, which is a defect somewhere: then
 * every node must at least keep the same one.
 */
function compareContents(a: Sibling, b: Sibling): number {
  if (a.kind !== b.kind) return kinds.indexOf(a.kind) - kinds.indexOf(b.kind)
  const [left, right] = [contentsOf(a), contentsOf(b)]
  return a.time - b.time || left.expiresAt - right.expiresAt || compareBytes(left.bytes, right.bytes)
}

/** Whoever still has the value keeps it: by another clock it may not have expired. */
const kinds: readonly Sibling['kind'][] = ['expired', 'value', 'tombstone']

function contentsOf(sibling: Sibling): { readonly expiresAt: number; readonly bytes: Uint8Array } {
  if (sibling.kind === 'tombstone') return { expiresAt: Infinity, bytes: new Uint8Array(0) }
  const bytes = sibling.kind === 'value' ? sibling.value : hexToBytes(sibling.valueHash)
  return { expiresAt: sibling.expiresAt ?? Infinity, bytes }
}

/** What is left of a value when it has expired. */
function expired({ dot, time, value }: ValueSibling, expiresAt: number): Expired {
  return { kind: 'expired', dot, time, expiresAt, valueHash: digestOf(value) }
}

/** The record without the values that had expired at `wallMs`; the same object where there are none. */
export function withoutExpired(record: Record, wallMs: number): Record {
  let isSame = true
  const siblings = record.siblings.map((sibling) => {
    if (sibling.kind !== 'value' || sibling.expiresAt === null || sibling.expiresAt > wallMs) return sibling
    isSame = false
    return expired(sibling, sibling.expiresAt)
  })
  return isSame ? record : { ...record, siblings }
}

/**
 * The record without the tombstones up to a horizon, and the names that nobody needs after it; a value that has
 * expired is as old as its expiry. Names of the siblings that stay are kept with them. The same object where there is
 * nothing to prune.
 */
export function prune(record: Record, horizon: HybridTime): Record {
  const isOld = (sibling: Sibling) =>
    sibling.kind !== 'value' &&
    sibling.time <= horizon &&
    (sibling.kind === 'tombstone' || sibling.expiresAt <= wallOf(horizon))
  const siblings = record.siblings.filter((sibling) => !isOld(sibling))
  const history = pruned(record.history, horizon, new Set(siblings.map(({ dot }) => dot.actor)))
  const isSame = history === record.history && siblings.length === record.siblings.length
  return isSame ? record : { history, siblings }
}

/** Whether a record says nothing of its key. */
export const saysNothing = ({ history, siblings }: Record): boolean => siblings.length === 0 && isBlank(history)

/** The siblings of `incoming` that `record` neither holds nor names. */
export const unknownTo = (record: Record, incoming: Record): readonly Sibling[] =>
  incoming.siblings.filter(({ dot }) => !names(record.history, dot) && !holdsDot(record, dot))

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a === b) return 0
  if (a.length !== b.length) return a.length - b.length
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/** Dots that both records carry with different contents: the sign of a dot used twice, to be reported loudly. */
export function reusedDots(a: Record, b: Record): readonly Dot[] {
  const held = new Map(a.siblings.map((sibling) => [dotName(sibling.dot), sibling]))
  return b.siblings
    .filter((sibling) => {
      const twin = held.get(dotName(sibling.dot))
      return twin !== undefined && !isSameWrite(twin, sibling)
    })
    .map((sibling) => sibling.dot)
}

/** Whether two siblings of one dot are one write, of which either may have given the value up. */
function isSameWrite(a: Sibling, b: Sibling): boolean {
  const [left, right] = [a, b].map((each) =>
    a.kind !== b.kind && each.kind === 'value' && each.expiresAt !== null ? expired(each, each.expiresAt) : each,
  ) as [Sibling, Sibling]
  return compareContents(left, right) === 0
}

/** Whether both hold the same siblings. Histories may differ: they never decide alone that a replica is stale. */
export function sameSiblings(a: Record, b: Record): boolean {
  if (a.siblings.length !== b.siblings.length) return false
  return a.siblings.every((sibling, index) => {
    const other = b.siblings[index]
    return other !== undefined && compareDots(sibling.dot, other.dot) === 0
  })
}

/** Whether joining `part` into a record would change nothing. */
export function holdsAll(record: Record, part: Record): boolean {
  return includes(record.history, part.history) && sameSiblings(join(record, part), record)
}

/** Whether a reader sees it at `wallMs`: no tombstone, and not expired. */
export function isLive(sibling: Sibling, wallMs: number): sibling is ValueSibling {
  return sibling.kind === 'value' && (sibling.expiresAt === null || sibling.expiresAt > wallMs)
}

/** The values a reader sees at `wallMs`. */
export function liveValues(record: Record, wallMs: number): readonly Uint8Array[] {
  return record.siblings.flatMap((sibling) => (isLive(sibling, wallMs) ? [sibling.value] : []))
}
