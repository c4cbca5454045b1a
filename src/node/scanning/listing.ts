/**
 * Listing: the names of the records in a partition, in order (not in the paper, which has no lists).
 *
 * Rows lie in the order of key hashes, and a trie holds hashes alone. So the first scan of a partition reads its rows,
 * and keeps the names in memory. A hash stands for one name for ever: later scans read the rows of new hashes only.
 * The hints of this node take part. They may hold what no owner in reach has.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import { keyHashOf, partitionOf } from '../../core/hash.ts'
import { compareText, firstFrom, type Partition, type StoredKey } from '../../core/ids.ts'
import type { KeyedRecord, NameRange } from '../../core/wire/messages.ts'
import type { Replica } from '../storage/replica.ts'

/** This node's page of a scan: its own records and its hints, joined. */
export interface Page {
  readonly entries: readonly KeyedRecord[]
  /** The name with which the next page begins. Null after the last one. */
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
  readonly #replica: Replica
  /** By partition. The one that was scanned last is the last one. */
  readonly #known = new Map<Partition, Known>()

  constructor(replica: Replica) {
    this.#replica = replica
  }

  async page({ partition, prefixes, from, limit }: NameRange): Promise<Page> {
    const { sorted, isLost } = await this.#namesOf(partition)
    const isDue = (name: StoredKey) => prefixes.some((prefix) => name.startsWith(prefix))
    const own = prefixes.flatMap((prefix) => {
      const at = firstFrom(sorted, from > prefix ? from : prefix)
      return sorted.slice(at, at + limit + 1).filter(isDue)
    })
    const hinted = this.#replica.hints.keys.filter(
      (name) => name >= from && isDue(name) && partitionOf(name) === partition,
    )
    const names = [...new Set([...own, ...hinted])].sort(compareText)
    const found = await this.#replica.readEach(names.slice(0, limit))
    const entries = found.map(({ record }, index) => ({ key: names[index] as StoredKey, record }))
    return { entries, next: names[limit] ?? null, isLost: isLost || found.some((each) => each.isLost) }
  }

  async #namesOf(partition: Partition): Promise<Known & Pick<Page, 'isLost'>> {
    const before = await this.#hashesOf(partition)
    const known = this.#known.get(partition) ?? nothing
    const fresh = before.filter((hash) => !known.byHash.has(bytesToHex(hash)))
    if (fresh.length === 0 && before.length === known.byHash.size) return { ...known, isLost: false }
    const read = await this.#read(fresh)
    const nameOf = (hash: Uint8Array) => known.byHash.get(bytesToHex(hash)) ?? read.get(bytesToHex(hash))
    // A row that was missing has been looked up meanwhile, and its key may be gone.
    const hashes = await this.#hashesOf(partition)
    const named = hashes.flatMap((hash) => {
      const name = nameOf(hash)
      return name === undefined ? [] : [[bytesToHex(hash), name] as const]
    })
    const now = { byHash: new Map(named), sorted: named.map(([, name]) => name).sort(compareText) }
    this.#keep(partition, now)
    const left = new Set(hashes.map(bytesToHex))
    return { ...now, isLost: fresh.some((hash) => nameOf(hash) === undefined && left.has(bytesToHex(hash))) }
  }

  async #hashesOf(partition: Partition): Promise<readonly Uint8Array[]> {
    return (await this.#replica.forest()).keysOf(partition)
  }

  /** The names in the rows of these key hashes, by hash in hex. A missing or damaged row has none. */
  async #read(hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, StoredKey>> {
    const names = new Map<string, StoredKey>()
    for (let at = 0; at < hashes.length; at += bounds.listingRows) {
      const found = await this.#replica.records(hashes.slice(at, at + bounds.listingRows))
      for (const { key } of found) names.set(bytesToHex(keyHashOf(key)), key)
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
