/**
 * How two nodes find out in what their partitions differ, in two round trips at most and few bytes (Dynamo, section
 * 4.7).
 *
 * The asking side sends 32-bit fingerprints of some hundred prefixes. Where they differ, the answering side lists the
 * fingerprints of its items, or splits the prefix so that the asking side looks once more. 32 bits are little, so
 * nothing is believed before it is proved: with the differences put in, the asking side's own hashes must give the
 * answering side's full root. If they do not, the same is tried with other bits of the hashes.
 *
 *   asking                                answering
 *   1. proof, fingerprints           ->   2. proof; of each prefix that differs: nothing, items, a list, or a split
 *   3. what differs of the splits    ->   4. of each: items, or a list
 *   5. entries of lists it lacks     ->   6. those items
 *
 * Where so much differs that 2 would have to list very many items, it only says how many; and where 2 shows that so
 * many of the asking side are to be gone through, that side stops there. Then less is compared at a time. After 2 or
 * 4 the asking side knows what it has that the other lacks; after 6 it can prove what it lacks itself.
 */
import { hashBytes } from '../hash.ts'
import type { ByteReader, ByteWriter } from '../wire/bytes.ts'
import type { ForestView, Prefix } from './forest.ts'
import { itemBytes } from './trie.ts'

/** How many different parts of the hashes can be compared. */
export const windows = 4

/** How a prefix is told about: the fingerprints of its items, or the items themselves. */
export const listing = { fingerprints: 0, items: 1 } as const
/** The first byte of an answer. */
export const verdicts = { equal: 0, differing: 1, tooMuch: 2 } as const
/** Bits of the longest prefix: beyond it a set is listed, whatever it holds. */
export const depthMax = 28
export const frontierBitsMax = 16

/** One key hash and one version hash. */
export interface Item {
  readonly key: Uint8Array
  readonly version: Uint8Array
}

/** What the asking side has found. */
export interface Differences {
  /** Items the other has and this side has not, or in another version. */
  readonly theirs: readonly Item[]
  /** Items this side has and the other has not, or in another version. */
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

/** How many items of a view are gone through at once, if less can be compared at a time: not less than a partition. */
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

/** Those that are, and those that are not. */
export function partition<T>(
  items: readonly T[],
  isFirst: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}
