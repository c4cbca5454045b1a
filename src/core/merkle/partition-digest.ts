/**
 * What a partition holds, in one digest: the flattest Merkle tree there is (Dynamo, section 4.7).
 *
 * One leaf a key, one root a partition. Same set of records, same root, whatever the order of writes. The root is computed
 * when asked for and forgotten when a leaf changes.
 */
import { digestOf } from '../hash.ts'
import { compareText, type Digest, type Partition, type StoredKey } from '../ids.ts'
import { ByteWriter } from '../wire/bytes.ts'

interface Tree {
  readonly leaves: Map<StoredKey, Digest>
  root: Digest | null
}

export class PartitionDigests {
  readonly #trees = new Map<Partition, Tree>()
  #size = 0

  /** Keys in all partitions. */
  get size(): number {
    return this.#size
  }

  set(partition: Partition, key: StoredKey, digest: Digest): void {
    const tree = this.#trees.get(partition) ?? { leaves: new Map(), root: null }
    this.#trees.set(partition, tree)
    this.#size += tree.leaves.has(key) ? 0 : 1
    tree.leaves.set(key, digest)
    tree.root = null
  }

  digestOf(partition: Partition, key: StoredKey): Digest | undefined {
    return this.#trees.get(partition)?.leaves.get(key)
  }

  has(partition: Partition): boolean {
    return this.#trees.has(partition)
  }

  delete(partition: Partition, key: StoredKey): void {
    const tree = this.#trees.get(partition)
    if (tree?.leaves.delete(key) !== true) return
    this.#size -= 1
    tree.root = null
    if (tree.leaves.size === 0) this.#trees.delete(partition)
  }

  /** The root of a partition, or null where it holds nothing. */
  root(partition: Partition): Digest | null {
    const tree = this.#trees.get(partition)
    if (tree === undefined) return null
    tree.root ??= digestOfLeaves(this.leaves(partition))
    return tree.root
  }

  /** Keys and their digests, in key order. */
  leaves(partition: Partition): readonly (readonly [StoredKey, Digest])[] {
    return [...(this.#trees.get(partition)?.leaves ?? [])].sort(([a], [b]) => compareText(a, b))
  }
}

function digestOfLeaves(leaves: readonly (readonly [StoredKey, Digest])[]): Digest {
  const writer = new ByteWriter()
  for (const [key, digest] of leaves) {
    writer.text(key)
    writer.hex(digest)
  }
  return digestOf(writer.done())
}
