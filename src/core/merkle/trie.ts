/**
 * A Merkle trie over the records of one partition (Dynamo, section 4.7).
 *
 * An item names a key and its version: 16 bytes of the key's hash, 16 bytes of the version's. Up to 64 items are hashed
 * together with SHA-256, in key order. More of them are divided by the next four bits of the key. Their hash is the
 * SHA-256 of the hashes of these up to sixteen subsets (a canonical 16-ary trie). It depends on the set alone: same
 * records, same root, in any order of writes.
 *
 * Items lie packed in one array, 32 bytes each. Hashes are kept for the root and its children, so a write costs two
 * evaluations until a partition has a thousand keys. A snapshot shares the arrays until one side writes.
 */
import { bounds } from '../bounds.ts'
import { hashBytes, hashOf } from '../hash.ts'

/** Bytes of an item: the hash of its key and of its version. */
export const itemBytes: number = 2 * hashBytes

/** Sets up to this size are hashed directly, larger ones by their subsets. */
const leafItemsMax = 64
const branches = 16
const branchBits = 4
const [leafTag, branchTag] = [0, 1]

/** `count` bits of a key hash from bit `from` on, as a number; at most 24. */
export function bitsOf(bytes: Uint8Array, offset: number, from: number, count: number): number {
  let bits = 0
  for (let bit = from; bit < from + count; bit += 1) {
    bits = (bits << 1) | (((bytes[offset + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1)
  }
  return bits
}

export class Trie {
  readonly #hash: (bytes: Uint8Array) => Uint8Array
  /** Items in key order. The array has spare room, so that not every insertion copies it. */
  #items: Uint8Array = new Uint8Array(0)
  #count = 0
  #root: Uint8Array | null = null
  /** Hashes of the root's children, once it has any. A set bit in `#fresh` marks one as up to date. */
  #children: Uint8Array | null = null
  #fresh = 0
  /** True while a snapshot shares the arrays. */
  #isShared = false

  /** `hash` may count evaluations; it must answer as `hashOf` does. */
  constructor(hash: (bytes: Uint8Array) => Uint8Array = hashOf) {
    this.#hash = hash
  }

  /** The trie of these items, 32 bytes each, in key order. The array belongs to the trie from now on. */
  static of(items: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array = hashOf): Trie {
    const trie = new Trie(hash)
    trie.#items = items
    trie.#count = Math.floor(items.length / itemBytes)
    return trie
  }

  get size(): number {
    return this.#count
  }

  /** A trie of the same items. Later changes of either one do not touch the other. */
  snapshot(): Trie {
    // Hash here once, not again in every snapshot.
    this.root()
    const copy = new Trie(this.#hash)
    copy.#items = this.#items
    copy.#count = this.#count
    copy.#root = this.#root
    copy.#children = this.#children
    copy.#fresh = this.#fresh
    copy.#isShared = true
    this.#isShared = true
    return copy
  }

  /** The items, 32 bytes each, in key order. The caller must not change them. */
  items(from = 0, to: number = this.#count): Uint8Array {
    return this.#items.subarray(from * itemBytes, to * itemBytes)
  }

  /** The version of a key, or null if the key is not here. */
  version(key: Uint8Array): Uint8Array | null {
    const at = this.#search(key)
    return this.#isAt(at, key) ? this.#items.subarray(at * itemBytes + hashBytes, (at + 1) * itemBytes) : null
  }

  /** Replaces a key's version, or with null removes the key. */
  set(key: Uint8Array, version: Uint8Array | null): void {
    const at = this.#search(key)
    const isHere = this.#isAt(at, key)
    if (!isHere && version === null) return
    this.#own()
    if (version === null) this.#remove(at)
    else if (isHere) this.#items.set(version, at * itemBytes + hashBytes)
    else this.#insert(at, key, version)
    this.#root = null
    this.#fresh &= ~(1 << bitsOf(key, 0, bounds.partitionBits, branchBits))
  }

  /** Index of the first key whose `count` bits after the partition's are `bits` or more. */
  startOf(bits: number, count: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (bitsOf(this.#items, middle * itemBytes, bounds.partitionBits, count) < bits) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The hash of all items, or null if there are none. */
  root(): Uint8Array | null {
    if (this.#count === 0) return null
    this.#root ??= this.#hashRoot()
    return this.#root
  }

  #hashRoot(): Uint8Array {
    if (this.#count <= leafItemsMax) return this.#leaf(0, this.#count)
    if (this.#children === null) {
      this.#children = new Uint8Array(branches * hashBytes)
      this.#fresh = 0
    } else if (this.#isShared) this.#children = this.#children.slice()
    const children = this.#children
    return this.#branch(0, this.#count, bounds.partitionBits, (branch, from, to) => {
      if ((this.#fresh & (1 << branch)) === 0) {
        children.set(this.#subset(from, to, bounds.partitionBits + branchBits), branch * hashBytes)
        this.#fresh |= 1 << branch
      }
      return children.subarray(branch * hashBytes, (branch + 1) * hashBytes)
    })
  }

  /** The hash of the items from one index to another, which agree in the key's bits before `depth`. */
  #subset(from: number, to: number, depth: number): Uint8Array {
    if (to - from <= leafItemsMax) return this.#leaf(from, to)
    return this.#branch(from, to, depth, (_, start, end) => this.#subset(start, end, depth + branchBits))
  }

  #leaf(from: number, to: number): Uint8Array {
    const input = new Uint8Array(1 + (to - from) * itemBytes)
    input[0] = leafTag
    input.set(this.items(from, to), 1)
    return this.#hash(input)
  }

  #branch(
    from: number,
    to: number,
    depth: number,
    hashOfChild: (branch: number, from: number, to: number) => Uint8Array,
  ): Uint8Array {
    const input = new Uint8Array(3 + branches * hashBytes)
    let length = 3
    let bitmap = 0
    for (let at = from; at < to; ) {
      const branch = bitsOf(this.#items, at * itemBytes, depth, branchBits)
      let end = at + 1
      while (end < to && bitsOf(this.#items, end * itemBytes, depth, branchBits) === branch) end += 1
      bitmap |= 1 << branch
      input.set(hashOfChild(branch, at, end), length)
      length += hashBytes
      at = end
    }
    input.set([branchTag, bitmap >> 8, bitmap & 0xff])
    return this.#hash(input.subarray(0, length))
  }

  /** The index of a key, or the index at which to insert it. */
  #search(key: Uint8Array): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(middle, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compare(index: number, key: Uint8Array): number {
    const offset = index * itemBytes
    for (let byte = 0; byte < hashBytes; byte += 1) {
      const difference = (this.#items[offset + byte] ?? 0) - (key[byte] ?? 0)
      if (difference !== 0) return difference
    }
    return 0
  }

  #isAt(index: number, key: Uint8Array): boolean {
    return index < this.#count && this.#compare(index, key) === 0
  }

  /** Copies arrays shared with a snapshot, before a change. */
  #own(): void {
    if (!this.#isShared) return
    this.#items = this.#items.slice()
    this.#children = this.#children?.slice() ?? null
    this.#isShared = false
  }

  #insert(at: number, key: Uint8Array, version: Uint8Array): void {
    const used = this.#count * itemBytes
    if (used + itemBytes > this.#items.length) {
      // Grow by an eighth: doubling would waste a third of the memory on average.
      const grown = new Uint8Array((this.#count + 1 + (this.#count >> 3)) * itemBytes)
      grown.set(this.#items.subarray(0, used))
      this.#items = grown
    }
    this.#items.copyWithin((at + 1) * itemBytes, at * itemBytes, used)
    this.#items.set(key, at * itemBytes)
    this.#items.set(version, at * itemBytes + hashBytes)
    this.#count += 1
  }

  #remove(at: number): void {
    this.#items.copyWithin(at * itemBytes, (at + 1) * itemBytes, this.#count * itemBytes)
    this.#count -= 1
    const spare = this.#items.length - this.#count * itemBytes
    if (spare > this.#items.length >> 1) this.#items = this.#items.slice(0, this.#count * itemBytes)
  }
}
