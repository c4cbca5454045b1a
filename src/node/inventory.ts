/**
 * What is stored here, as far as it is known without asking the store: the tries of all records, and the keys of all hints.
 *
 * Both follow the commits of the store exactly. Word of two commits may come in another order than they happened, and of a
 * transaction that failed nobody knows whether it took effect: so commits are numbered when they are decided, and keys in doubt
 * are looked up before anything is said of them.
 *
 * The tries are stored too, so that a start reads no record: every change of a record is journalled in its own transaction, and
 * a trie with many changes is stored anew.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import type { Partition, StoredKey } from '../core/ids.ts'
import { Forest, partitionIn } from '../core/merkle/forest.ts'
import type { Decide, Durability, Row, RowKey, Store, Table, Write } from '../ports.ts'
import {
  encodeTree,
  hintRow,
  journalRow,
  keyedRecordIn,
  noBytes,
  partitionGroup,
  partitionOfGroup,
  recordRowAt,
  type StoredRecord,
  treeIn,
  treeRow,
} from './rows.ts'

/** A key that a transaction changes; where its records are dropped, only the hash is known. */
export interface Changed {
  readonly hash: Uint8Array
  readonly key: StoredKey | null
}

export interface InventoryHandlers {
  /** A stored row could not be read, or does not hold what was written. */
  corrupt(what: string): void
  /** A record of a partition changed. */
  written(partition: Partition): void
}

const scanPage = 256

export class Inventory {
  readonly #store: Store
  readonly #handlers: InventoryHandlers
  /** Keys of which hints are kept. */
  readonly hinted: Set<StoredKey> = new Set()
  readonly #forest = new Forest()
  /** Keys, by their hash, whose last change failed: whether it took effect after all, only the store can say. */
  readonly #doubtful = new Map<string, Changed>()
  /** By partition, key hashes with a row in the journal. */
  readonly #journalled = new Map<Partition, Map<string, Uint8Array>>()
  /** Key hashes of rows that are not what was written: told once. */
  readonly #unreadable = new Set<string>()
  #loaded: Promise<void> | undefined
  /** Counts decisions to commit: they are taken in the order in which their transactions happen. */
  #order = 0
  /** Decided and not heard of yet. */
  readonly #pending = new Set<number>()
  /** By key hash, the last commit that was heard of: word of two may come the other way round than they happened. */
  readonly #latest = new Map<string, number>()

  constructor(store: Store, handlers: InventoryHandlers) {
    this.#store = store
    this.#handlers = handlers
  }

  /** What is here of every partition; resolves once records of earlier boots, and those in doubt, are counted in. */
  async forest(): Promise<Forest> {
    this.#loaded ??= this.#load()
    await this.#loaded
    while (this.#doubtful.size > 0) await this.#lookUp([...this.#doubtful.values()].slice(0, scanPage))
    return this.#forest
  }

  /**
   * Changes keys in one transaction, and lets `heard` know what became of it and when it was decided. If it fails, the keys are
   * in doubt: a lost connection does not tell whether a transaction took effect.
   */
  async change<T>(
    keys: readonly Changed[],
    rows: readonly RowKey[],
    how: Durability,
    decide: Decide<T>,
    heard: (result: T, order: number) => void,
  ): Promise<T> {
    let order = 0
    try {
      const result = await this.#store.transact(rows, how, (found) => {
        this.#pending.delete(order)
        this.#order += 1
        order = this.#order
        this.#pending.add(order)
        return decide(found)
      })
      heard(result, order)
      return result
    } catch (error) {
      for (const changed of keys) this.#doubt(changed)
      throw error
    } finally {
      this.#pending.delete(order)
      this.#forgetOrders()
    }
  }

  /** Word of commits before all that are pending has come: nothing can overtake them any more. */
  #forgetOrders(): void {
    if (this.#pending.size === 0) this.#latest.clear()
    else if (this.#latest.size > bounds.commitOrdersMax) {
      const first = Math.min(...this.#pending)
      for (const [hash, order] of this.#latest) if (order < first) this.#latest.delete(hash)
    }
  }

  /** The `order`th commit left a key in this version, or deleted it. */
  committed(hash: Uint8Array, version: Uint8Array | null, order: number): void {
    const name = bytesToHex(hash)
    if ((this.#latest.get(name) ?? 0) > order) return
    if (version !== null) this.#unreadable.delete(name)
    this.#latest.set(name, order)
    this.#forest.set(hash, version)
    this.#noteJournalled(hash)
  }

  #noteJournalled(hash: Uint8Array): void {
    const partition = partitionIn(hash)
    const hashes = this.#journalled.get(partition) ?? new Map<string, Uint8Array>()
    this.#journalled.set(partition, hashes.set(bytesToHex(hash), hash))
  }

  /** The record in a row. A row that is not what was written counts as none: what it held is fetched from another replica. */
  recordAt(hash: Uint8Array, row: Uint8Array | undefined): StoredRecord | null {
    return keyedRecordIn(row, () => {
      const name = bytesToHex(hash)
      if (!this.#unreadable.has(name)) this.#handlers.corrupt(`the record with key hash ${name}`)
      this.#unreadable.add(name)
      if (this.#forest.version(hash) !== null) this.#doubt({ hash, key: null })
    })
  }

  #doubt({ hash, key }: Changed): void {
    const name = bytesToHex(hash)
    this.#doubtful.set(name, { hash, key: key ?? this.#doubtful.get(name)?.key ?? null })
  }

  /** Looks up what is stored of keys in doubt. */
  async #lookUp(doubtful: readonly Changed[]): Promise<void> {
    for (const { hash } of doubtful) this.#doubtful.delete(bytesToHex(hash))
    const places = doubtful.flatMap(({ hash, key }) => [recordRowAt(hash), ...(key === null ? [] : [hintRow(key)])])
    const reading = (found: readonly (Uint8Array | undefined)[]) => {
      const rows = [...found]
      const writes: Write[] = []
      const result = doubtful.map(({ hash, key }) => {
        const version = keyedRecordIn(rows.shift(), () => {})?.version ?? null
        writes.push({ key: journalRow(hash), value: version ?? noBytes })
        return { version, isHinted: key !== null && rows.shift() !== undefined }
      })
      return { writes, result }
    }
    await this.change(doubtful, places, 'relaxed', reading, (found, order) => {
      for (const [index, { hash, key }] of doubtful.entries()) {
        this.committed(hash, found[index]?.version ?? null, order)
        this.#handlers.written(partitionIn(hash))
        if (key !== null && found[index]?.isHinted === true) this.hinted.add(key)
        else if (key !== null) this.hinted.delete(key)
      }
    })
  }

  /** Whether records of a partition are here. */
  holds(partition: Partition): boolean {
    return this.#forest.sizeOf(partition) > 0
  }

  get recordCount(): number {
    return this.#forest.size
  }

  async #load(): Promise<void> {
    await this.eachRow('hint', ({ key }) => this.hinted.add(key[2] as StoredKey))
    const damaged: Partition[] = []
    await this.eachRow('tree', ({ key: [, , group], value }) => {
      const items = treeIn(value)
      if (items === null) damaged.push(partitionOfGroup(group))
      else this.#forest.restore(partitionOfGroup(group), items)
    })
    await this.eachRow('journal', ({ key: [, , name], value }) => {
      const hash = hexToBytes(name)
      this.#forest.set(hash, value.length === 0 ? null : value)
      this.#noteJournalled(hash)
    })
    for (const partition of damaged) await this.scrub(partition, this.#forest)
  }

  /** Stores tries of which so many keys have changed, some tries at a time. */
  async checkpoint(changesMin: number): Promise<void> {
    const due = [...this.#journalled].filter(([, hashes]) => hashes.size >= changesMin)
    for (const [partition] of due.slice(0, bounds.checkpointPartitionsMax)) await this.#storeTrie(partition)
  }

  async #storeTrie(partition: Partition): Promise<void> {
    const journalled = [...(this.#journalled.get(partition)?.values() ?? [])]
    const gone = await this.#store.transact(journalled.map(journalRow), 'relaxed', (rows) => {
      const items = this.#forest.itemsOf(partition)
      // A commit nobody has heard of yet is not in the trie: its row stays.
      const result = journalled.filter((hash, index) => {
        const version = this.#forest.version(hash)
        return rows[index] !== undefined && isSame(rows[index] ?? noBytes, version ?? noBytes)
      })
      const writes: Write[] = result.map((hash) => ({ key: journalRow(hash), value: null }))
      writes.push({ key: treeRow(partition), value: items.length === 0 ? null : encodeTree(items) })
      return { writes, result }
    })
    const left = this.#journalled.get(partition)
    for (const hash of gone) left?.delete(bytesToHex(hash))
  }

  /** Visits all rows of a table, in order. */
  async eachRow(table: Table, visit: (row: Row) => void): Promise<void> {
    let after: RowKey | undefined
    do {
      const rows = await this.#store.scan({ table, limit: scanPage, ...(after === undefined ? {} : { after }) })
      for (const row of rows) visit(row)
      after = rows.length < scanPage ? undefined : rows.at(-1)?.key
    } while (after !== undefined)
  }

  /**
   * Reads every record of a partition and compares it with its trie: finds what a disk has altered or lost, and any place where
   * the two have come apart. Returns how many keys that were; the trie then says what is really there.
   */
  async scrub(partition: Partition, loaded?: Forest): Promise<number> {
    const forest = loaded ?? (await this.forest())
    const unseen = new Map(forest.keysOf(partition).map((hash) => [bytesToHex(hash), hash]))
    let after: RowKey | undefined
    do {
      const group = partitionGroup(partition)
      const range = { table: 'record' as const, group, limit: scanPage }
      const rows = await this.#store.scan(after === undefined ? range : { ...range, after })
      for (const { key, value } of rows) {
        const [, , name] = key
        const hash = hexToBytes(name)
        const found = this.recordAt(hash, value)
        const isAsKnown = found !== null && isSame(found.version, forest.version(hash))
        if (isAsKnown) unseen.delete(name)
        else unseen.set(name, hash)
      }
      after = rows.length < scanPage ? undefined : rows.at(-1)?.key
    } while (after !== undefined)
    return this.#settleDoubts([...unseen.values()], loaded === undefined)
  }

  /** Looks again at keys that seemed to differ, in one transaction each page; returns how many really did. */
  async #settleDoubts(hashes: readonly Uint8Array[], isLoaded: boolean): Promise<number> {
    const before = hashes.map((hash) => this.#forest.version(hash)?.slice() ?? null)
    for (const hash of hashes) this.#doubt({ hash, key: null })
    if (isLoaded) await this.forest()
    return hashes.filter((hash, index) => !isSame(this.#forest.version(hash), before[index] ?? null)).length
  }
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : a.length === b.length && a.every((byte, index) => byte === b[index])
}
