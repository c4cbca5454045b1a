/**
 * What a partition holds, in one digest: the flattest Merkle tree there is (Dynamo, section 4.7).
 *
 * One leaf a key, one root a partition. Same set of records, same root, whatever the order of writes. The root is computed
 * when asked for and forgotten when a leaf changes. Each change carries the place of its commit in the order of all: word of
 * two commits may come the other way round than they happened, and the later one holds.
 */
import { digestOf } from '../hash.ts'
import { compareText, type Digest, type Partition, type StoredKey } from '../ids.ts'
import { ByteWriter } from '../wire/bytes.ts'

interface Leaf {
  /** Null where the record was deleted; kept, so that late word of an earlier commit does not bring it back. */
  readonly digest: Digest | null
  readonly order: number
}

interface Tree {
  readonly leaves: Map<StoredKey, Leaf>
  size: number
  root: Digest | null
}

export class PartitionDigests {
  readonly #trees = new Map<Partition, Tree>()
  #size = 0

  /** Keys in all partitions. */
  get size(): number {
    return this.#size
  }

  /** A commit, the `order`th of all, left this digest of a record; null: it deleted the record. */
  set(partition: Partition, key: StoredKey, digest: Digest | null, order: number): void {
    const tree = this.#trees.get(partition) ?? { leaves: new Map<StoredKey, Leaf>(), size: 0, root: null }
    this.#trees.set(partition, tree)
    const former = tree.leaves.get(key)
    if (former !== undefined && former.order > order) return
    const more = Number(digest !== null) - Number(former !== undefined && former.digest !== null)
    tree.leaves.set(key, { digest, order })
    tree.size += more
    this.#size += more
    tree.root = null
  }

  digestOf(partition: Partition, key: StoredKey): Digest | undefined {
    return this.#trees.get(partition)?.leaves.get(key)?.digest ?? undefined
  }

  has(partition: Partition): boolean {
    return (this.#trees.get(partition)?.size ?? 0) > 0
  }

  /** The root of a partition, or null where it holds nothing. */
  root(partition: Partition): Digest | null {
    const tree = this.#trees.get(partition)
    if (tree === undefined || tree.size === 0) return null
    tree.root ??= digestOfLeaves(this.leaves(partition))
    return tree.root
  }

  /** Keys and their digests, in key order. */
  leaves(partition: Partition): readonly (readonly [StoredKey, Digest])[] {
    const leaves = [...(this.#trees.get(partition)?.leaves ?? [])]
    return leaves
      .flatMap(([key, { digest }]) => (digest === null ? [] : [[key, digest] as const]))
      .sort(([a], [b]) => compareText(a, b))
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
