/**
 * A record, and the one operation that changes what it says: join (Dynamo, section 4.4).
 *
 * A record is a causal history and the siblings that survive it. `join(a, b)` unites the histories. It keeps a sibling
 * if both hold it, or if the other's history lacks its dot. A dot that the other names and no longer holds was
 * overwritten by a writer that had seen it. So join is commutative, associative and idempotent: put, hint, read repair,
 * handoff and exchange may arrive in any order, any number of times. (The multi-value register over a causal context;
 * Almeida, Shoker, Baquero 2016.)
 *
 * A put is a delta: the history its writer saw plus one new dot, and one sibling under that dot. A value that has
 * expired may be given up. Its dot and its digest stay, so the record says the same.
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
 * A value that has expired, with only its hash kept: a tombstone with the same dot. Replicas that still hold the value
 * agree with it.
 */
export interface Expired extends Written {
  readonly kind: 'expired'
  readonly expiresAt: number
  readonly valueHash: Digest
}
export type Sibling = ValueSibling | Tombstone | Expired

/** A value or tombstone before it has a dot and a time. */
export type Unwritten = Omit<ValueSibling, keyof Written> | Omit<Tombstone, keyof Written>

export interface Record {
  readonly history: CausalHistory
  /** In dot order, no dot twice. */
  readonly siblings: readonly Sibling[]
}

export const emptyRecord: Record = { history: emptyHistory, siblings: [] }

/** The record that knows all that either knows; the head of this file has the rule. */
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

/** True if the write with this dot is a sibling of the record. */
export const holdsDot = ({ siblings }: Record, dot: Dot): boolean =>
  siblings.some((held) => compareDots(held.dot, dot) === 0)

/** Order of two writes, the same on every node: by hybrid time, then dot, then contents. The greater is the later. */
export function compareWrites(a: Sibling, b: Sibling): number {
  return a.time - b.time || compareDots(a.dot, b.dot) || compareContents(a, b)
}

/**
 * Order of siblings with one dot. They are equal unless a dot was used twice, which is a defect somewhere. Every node
 * must at least keep the same one.
 */
function compareContents(a: Sibling, b: Sibling): number {
  if (a.kind !== b.kind) return kinds.indexOf(a.kind) - kinds.indexOf(b.kind)
  const [left, right] = [contentsOf(a), contentsOf(b)]
  return a.time - b.time || left.expiresAt - right.expiresAt || compareBytes(left.bytes, right.bytes)
}

/** `value` is greater than `expired`, so a replica that still has the value keeps it: by another clock it is alive. */
const kinds: readonly Sibling['kind'][] = ['expired', 'value', 'tombstone']

function contentsOf(sibling: Sibling): { readonly expiresAt: number; readonly bytes: Uint8Array } {
  if (sibling.kind === 'tombstone') return { expiresAt: Infinity, bytes: new Uint8Array(0) }
  const bytes = sibling.kind === 'value' ? sibling.value : hexToBytes(sibling.valueHash)
  return { expiresAt: sibling.expiresAt ?? Infinity, bytes }
}

/** The remains of a value that has expired. */
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
 * The record without the tombstones up to a horizon, and without names not needed after it. A value that has expired is
 * as old as its expiry. Siblings that stay keep their names. The same object if there is nothing to prune.
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

/** True if a record says nothing about its key. */
export const saysNothing = ({ history, siblings }: Record): boolean => siblings.length === 0 && isBlank(history)

/** True if a record neither holds nor names the write of a sibling. */
export const isUnknownTo = (record: Record, { dot }: Sibling): boolean =>
  !names(record.history, dot) && !holdsDot(record, dot)

/** The siblings of `incoming` that `record` neither holds nor names. */
export const unknownTo = (record: Record, incoming: Record): readonly Sibling[] =>
  incoming.siblings.filter((sibling) => isUnknownTo(record, sibling))

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a === b) return 0
  if (a.length !== b.length) return a.length - b.length
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/** Dots that both records carry with different contents. Such a dot was used twice, which must be reported loudly. */
export function reusedDots(a: Record, b: Record): readonly Dot[] {
  const held = new Map(a.siblings.map((sibling) => [dotName(sibling.dot), sibling]))
  return b.siblings
    .filter((sibling) => {
      const twin = held.get(dotName(sibling.dot))
      return twin !== undefined && !isSameWrite(twin, sibling)
    })
    .map((sibling) => sibling.dot)
}

/** True if two siblings of one dot are one write. Either may have given up its value. */
function isSameWrite(a: Sibling, b: Sibling): boolean {
  const [left, right] = [a, b].map((each) =>
    a.kind !== b.kind && each.kind === 'value' && each.expiresAt !== null ? expired(each, each.expiresAt) : each,
  ) as [Sibling, Sibling]
  return compareContents(left, right) === 0
}

/** True if both hold the same siblings. Histories may differ: alone they never prove that a replica is stale. */
export function sameSiblings(a: Record, b: Record): boolean {
  if (a.siblings.length !== b.siblings.length) return false
  return a.siblings.every((sibling, index) => {
    const other = b.siblings[index]
    return other !== undefined && compareDots(sibling.dot, other.dot) === 0
  })
}

/** True if a reader sees the sibling at `wallMs`: it is no tombstone, and has not expired. */
export function isLive(sibling: Sibling, wallMs: number): sibling is ValueSibling {
  return sibling.kind === 'value' && (sibling.expiresAt === null || sibling.expiresAt > wallMs)
}

/** The values a reader sees at `wallMs`. */
export function liveValues(record: Record, wallMs: number): readonly Uint8Array[] {
  return record.siblings.flatMap((sibling) => (isLive(sibling, wallMs) ? [sibling.value] : []))
}
