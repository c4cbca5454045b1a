/**
 * The tries of all partitions, and the view that two nodes compare: the partitions that both hold (Dynamo, section
 * 4.7).
 *
 * A view is a snapshot. It numbers its partitions without gaps, so a prefix is worth as much for three shared
 * partitions as for all. The first bits of a prefix choose among the partitions, and the bits after them are the key's.
 */
import { bounds } from '../bounds.ts'
import { hashBytes, hashOf } from '../hash.ts'
import type { Partition } from '../ids.ts'
import { bitsOf, itemBytes, Trie } from './trie.ts'

/** The partition of a key hash: its first bits. */
export const partitionIn = (key: Uint8Array): Partition => bitsOf(key, 0, 0, bounds.partitionBits) as Partition

export class Forest {
  readonly #hash: (bytes: Uint8Array) => Uint8Array
  readonly #tries: (Trie | undefined)[] = []
  #size = 0

  constructor(hash: (bytes: Uint8Array) => Uint8Array = hashOf) {
    this.#hash = hash
  }

  /** The number of keys in all partitions. */
  get size(): number {
    return this.#size
  }

  /** Replaces a key's version, or with null removes the key. Both hashes are `hashBytes` long. */
  set(key: Uint8Array, version: Uint8Array | null): void {
    const partition = partitionIn(key)
    const known = this.#tries[partition]
    if (known === undefined && version === null) return
    const trie = known ?? new Trie(this.#hash)
    const before = trie.size
    trie.set(key, version)
    this.#size += trie.size - before
    this.#tries[partition] = trie.size === 0 ? undefined : trie
  }

  version(key: Uint8Array): Uint8Array | null {
    return this.#tries[partitionIn(key)]?.version(key) ?? null
  }

  sizeOf(partition: Partition): number {
    return this.#tries[partition]?.size ?? 0
  }

  /** A copy of the items of a partition, in order, 32 bytes each. */
  itemsOf(partition: Partition): Uint8Array {
    return this.#tries[partition]?.items().slice() ?? new Uint8Array(0)
  }

  /** Replaces the items of a partition by items that `itemsOf` gave. */
  restore(partition: Partition, items: Uint8Array): void {
    this.#size -= this.sizeOf(partition)
    this.#tries[partition] = items.length === 0 ? undefined : Trie.of(items, this.#hash)
    this.#size += this.sizeOf(partition)
  }

  /** The key hashes of a partition, in order. */
  keysOf(partition: Partition): readonly Uint8Array[] {
    const trie = this.#tries[partition]
    return Array.from({ length: trie?.size ?? 0 }, (_, at) => (trie as Trie).items(at, at + 1).slice(0, hashBytes))
  }

  root(partition: Partition): Uint8Array | null {
    return this.#tries[partition]?.root() ?? null
  }

  /** Hashes all that a view of these partitions needs, one partition at a time. */
  *hashing(partitions: readonly Partition[]): Generator<void, void> {
    for (const partition of partitions) {
      this.root(partition)
      yield
    }
  }

  /** A snapshot of these partitions, in ascending order. */
  view(partitions: readonly Partition[]): ForestView {
    return new ForestView(
      partitions,
      partitions.map((partition) => this.#tries[partition]?.snapshot() ?? null),
      this.#hash,
    )
  }
}

/** A prefix of the keys of a view: the number of its bits, and their value. */
export interface Prefix {
  readonly depth: number
  readonly bits: number
}

/** A range of the items of one trie. */
interface Span {
  readonly trie: Trie
  readonly from: number
  readonly to: number
}

export class ForestView {
  readonly partitions: readonly Partition[]
  readonly #tries: readonly (Trie | null)[]
  readonly #hash: (bytes: Uint8Array) => Uint8Array
  /** Bits that choose a partition. */
  readonly #width: number

  constructor(
    partitions: readonly Partition[],
    tries: readonly (Trie | null)[],
    hash: (bytes: Uint8Array) => Uint8Array,
  ) {
    this.partitions = partitions
    this.#tries = tries
    this.#hash = hash
    this.#width = Math.ceil(Math.log2(Math.max(1, partitions.length)))
  }

  get size(): number {
    return this.#tries.reduce((sum, trie) => sum + (trie?.size ?? 0), 0)
  }

  /** One hash of everything. It is equal for equal sets of items in the same partitions, and only for those. */
  proof(): Uint8Array {
    const input = new Uint8Array(this.partitions.length * (2 + hashBytes))
    for (const [index, partition] of this.partitions.entries()) {
      const at = index * (2 + hashBytes)
      input[at] = partition >> 8
      input[at + 1] = partition & 0xff
      const root = this.#tries[index]?.root()
      if (root) input.set(root, at + 2)
    }
    return this.#hash(input)
  }

  /** Hashes all that `proof` needs, one partition at a time. */
  *hashing(): Generator<void, void> {
    for (const trie of this.#tries) {
      trie?.root()
      yield
    }
  }

  #spansOf({ depth, bits }: Prefix): readonly Span[] {
    if (depth <= this.#width) {
      const each = 2 ** (this.#width - depth)
      const tries = this.#tries.slice(bits * each, (bits + 1) * each)
      return tries.flatMap((trie) => (trie === null ? [] : [{ trie, from: 0, to: trie.size }]))
    }
    const count = depth - this.#width
    const trie = this.#tries[Math.floor(bits / 2 ** count)]
    if (trie === null || trie === undefined) return []
    const within = bits % 2 ** count
    return [{ trie, from: trie.startOf(within, count), to: trie.startOf(within + 1, count) }]
  }

  countOf(prefix: Prefix): number {
    return this.#spansOf(prefix).reduce((sum, { from, to }) => sum + to - from, 0)
  }

  /** The items of a prefix in key order, 32 bytes each. */
  itemsOf(prefix: Prefix): Uint8Array {
    const spans = this.#spansOf(prefix).map(({ trie, from, to }) => trie.items(from, to))
    const all = new Uint8Array(spans.reduce((sum, span) => sum + span.length, 0))
    let at = 0
    for (const span of spans) {
      all.set(span, at)
      at += span.length
    }
    return all
  }

  /**
   * 32 bits that stand for the items of a prefix; 0 for none. For whole partitions they come from the roots, within one
   * from its items. Different sets may have equal fingerprints. Then the proof fails, and another part of the hashes is
   * compared (`window`).
   */
  fingerprint(prefix: Prefix, window: number): number {
    let sum = 0
    for (const span of this.#spansOf(prefix)) {
      if (prefix.depth <= this.#width) sum ^= wordAt(span.trie.root() ?? new Uint8Array(hashBytes), 4 * window)
      else for (let at = span.from; at < span.to; at += 1) sum ^= fingerprintOf(span.trie.items(at, at + 1), 0, window)
    }
    return sum >>> 0
  }

  /** The view with the changes applied: an item replaced, or with a null version removed. */
  patched(changes: readonly { readonly key: Uint8Array; readonly version: Uint8Array | null }[]): ForestView {
    const tries = [...this.#tries]
    const own = new Set<number>()
    const indexOf = new Map(this.partitions.map((partition, index) => [partition, index]))
    for (const { key, version } of changes) {
      const index = indexOf.get(partitionIn(key))
      if (index === undefined) continue
      const trie = tries[index] ?? new Trie(this.#hash)
      if (!own.has(index)) tries[index] = trie.snapshot()
      own.add(index)
      tries[index]?.set(key, version)
    }
    return new ForestView(this.partitions, tries, this.#hash)
  }

  /** True if a key hash belongs to a prefix. */
  covers({ depth, bits }: Prefix, key: Uint8Array): boolean {
    const index = this.partitions.indexOf(partitionIn(key))
    if (index < 0) return false
    if (depth <= this.#width) return index >> (this.#width - depth) === bits
    const count = depth - this.#width
    return index * 2 ** count + bitsOf(key, 0, bounds.partitionBits, count) === bits
  }
}

/** 32 bits that stand for an item. */
export function fingerprintOf(items: Uint8Array, index: number, window: number): number {
  const at = index * itemBytes
  return (wordAt(items, at + hashBytes + 4 * window) ^ wordAt(items, at + 12 - 4 * window)) >>> 0
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  )
}
