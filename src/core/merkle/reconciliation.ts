/**
 * Reconciliation: two nodes find the differences of their partitions in few bytes (Dynamo, section 4.7).
 *
 * Finding takes two round trips at most; a third fetches items. The asking side sends 32-bit fingerprints of some
 * hundred prefixes. If they differ, the answering side lists its items' fingerprints, or splits the prefix for one more
 * look. 32 bits are few, so nothing is believed before it is proved. With the differences applied, the asking side's
 * own hashes must give the answering side's full root. If they do not, both try other bits of the hashes.
 *
 *   asking                                answering
 *   1. proof, fingerprints           ->   2. proof; of each prefix that differs: nothing, items, a list, or a split
 *   3. what differs of the splits    ->   4. of each: items, or a list
 *   5. entries of lists it lacks     ->   6. those items
 *
 * If message 2 would list too many items, it gives only their number. If it shows that the asking side would have to go
 * through too many of its own, that side stops. Then the nodes compare fewer partitions at a time. After 2 or 4 the
 * asking side knows which of its items the other lacks. After 6 it can prove which ones it lacks itself.
 */
import { hashBytes } from '../hash.ts'
import type { ByteReader, ByteWriter } from '../wire/bytes.ts'
import type { ForestView, Prefix } from './forest.ts'
import { itemBytes } from './trie.ts'

/** The number of different parts of the hashes that can be compared. */
export const windows = 4

/** The content of a listing: fingerprints of the items, or the items themselves. */
export const listing = { fingerprints: 0, items: 1 } as const
/** The first byte of an answer. */
export const verdicts = { equal: 0, differing: 1, tooMuch: 2 } as const
/** Bits of the longest prefix. A longer one is listed, not split. */
export const depthMax = 28
export const frontierBitsMax = 16

/** One key hash and one version hash. */
export interface Item {
  readonly key: Uint8Array
  readonly version: Uint8Array
}

/** The result of the asking side. */
export interface Differences {
  /** Items the answering side has and the asking side lacks, or has in another version. */
  readonly theirs: readonly Item[]
  /** Items the asking side has and the answering side lacks, or has in another version. */
  readonly ours: readonly Item[]
}

export const split = (prefix: Prefix, splitBits: number): readonly Prefix[] =>
  Array.from({ length: 2 ** splitBits }, (_, cell) => ({
    depth: prefix.depth + splitBits,
    bits: prefix.bits * 2 ** splitBits + cell,
  }))

export const splitAll = (prefixes: readonly Prefix[], splitBits: number): readonly Prefix[] =>
  prefixes.flatMap((prefix) => split(prefix, splitBits))

export const wholeView: Prefix = { depth: 0, bits: 0 }

/** The most items to go through at once. No limit for a view of one partition, which cannot be made smaller. */
export const mostFor = ({ partitions }: ForestView, itemsMax: number): number =>
  partitions.length > 1 ? itemsMax : Number.POSITIVE_INFINITY

export function writeWord(writer: ByteWriter, word: number): void {
  for (const shift of [24, 16, 8, 0]) writer.byte((word >>> shift) & 0xff)
}

export function readWords(reader: ByteReader, count: number): readonly number[] {
  const bytes = reader.raw(4 * count)
  if (bytes.length < 4 * count) return Array.from({ length: count }, () => 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index))
}

export function itemsIn(bytes: Uint8Array): readonly Item[] {
  return Array.from({ length: bytes.length / itemBytes }, (_, index) => ({
    key: bytes.slice(index * itemBytes, index * itemBytes + hashBytes),
    version: bytes.slice(index * itemBytes + hashBytes, (index + 1) * itemBytes),
  }))
}

export function readItems(reader: ByteReader): readonly Item[] {
  const count = reader.integer(Math.floor(reader.remaining / itemBytes))
  return itemsIn(reader.raw(count * itemBytes))
}

export const at = <T>(cells: readonly T[], chosen: readonly number[]): readonly T[] =>
  chosen.flatMap((cell) => cells[cell] ?? [])
export function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** The items for which `isFirst` holds, and the others. */
export function partition<T>(
  items: readonly T[],
  isFirst: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}
