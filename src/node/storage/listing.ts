/**
 * Listing: the names of the records in a partition, in order (not in the paper, which has no lists).
 *
 * Rows lie in the order of key hashes, and a trie holds hashes alone. So the first scan of a partition reads its rows,
 * and keeps the names in memory. A hash stands for one name for ever: later scans read the rows of new hashes only.
 * The hints of this node take part. They may hold what no owner in reach has.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import { compareText, firstFrom, type Partition, type StoredKey } from '../../core/ids.ts'
import type { Range } from '../../core/wire/messages.ts'
import type { Store } from '../../ports.ts'
import type { MerkleIndex } from './merkle-index.ts'
import { recordRowAt } from './rows.ts'

/** The names of one page. `next`: the name with which the next page begins, null after the last one. */
export interface Page {
  readonly names: readonly StoredKey[]
  readonly next: StoredKey | null
  /** True if a record of the partition is missing that should be here. */
  readonly isLost: boolean
}

/** The names of a partition, by key hash in hex, and in order. */
interface Known {
  readonly byHash: ReadonlyMap<string, StoredKey>
  readonly sorted: readonly StoredKey[]
}

const nothing: Known = { byHash: new Map(), sorted: [] }

export class Listing {
  readonly #store: Pick<Store, 'read'>
  readonly #index: MerkleIndex
  /** By partition. The one that was scanned last is the last one. */
  readonly #known = new Map<Partition, Known>()

  constructor(store: Pick<Store, 'read'>, index: MerkleIndex) {
    this.#store = store
    this.#index = index
  }

  async page({ partition, prefix, from, limit }: Range): Promise<Page> {
    const { sorted, isLost } = await this.#namesOf(partition)
    const first = from > prefix ? from : prefix
    const at = firstFrom(sorted, first)
    const own = sorted.slice(at, at + limit + 1)
    const hinted = this.#index.hints.keys.filter((name) => name >= first)
    const names = [...new Set([...own, ...hinted])].filter((name) => name.startsWith(prefix)).sort(compareText)
    return { names: names.slice(0, limit), next: names[limit] ?? null, isLost }
  }

  async #namesOf(partition: Partition): Promise<Known & Pick<Page, 'isLost'>> {
    const hashes = (await this.#index.forest()).keysOf(partition)
    const known = this.#known.get(partition) ?? nothing
    const fresh = hashes.filter((hash) => !known.byHash.has(bytesToHex(hash)))
    if (fresh.length === 0 && hashes.length === known.byHash.size) return { ...known, isLost: false }
    const read = await this.#read(fresh)
    const nameOf = (hash: Uint8Array) => known.byHash.get(bytesToHex(hash)) ?? read.get(bytesToHex(hash))
    const byHash = new Map(
      hashes.flatMap((hash) => {
        const name = nameOf(hash)
        return name === undefined ? [] : [[bytesToHex(hash), name] as const]
      }),
    )
    const now = { byHash, sorted: [...byHash.values()].sort(compareText) }
    this.#keep(partition, now)
    return { ...now, isLost: fresh.some((hash) => nameOf(hash) === undefined && this.#index.isExpected(hash)) }
  }

  /** The names in the rows of these key hashes. A missing or damaged row has none. */
  async #read(hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, StoredKey>> {
    const names = new Map<string, StoredKey>()
    for (let at = 0; at < hashes.length; at += bounds.listingRows) {
      const page = hashes.slice(at, at + bounds.listingRows)
      const rows = await this.#store.read(page.map(recordRowAt))
      for (const [index, hash] of page.entries()) {
        const found = this.#index.recordAt(hash, rows[index])
        if (found !== null) names.set(bytesToHex(hash), found.key)
      }
    }
    return names
  }

  #keep(partition: Partition, known: Known): void {
    this.#known.delete(partition)
    this.#known.set(partition, known)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= bounds.listingsMax) break
      this.#known.delete(oldest)
    }
  }
}
