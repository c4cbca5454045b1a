/**
 * What is stored here, as far as it is known without asking the store: the tries of all records, and the keys of all
 * hints.
 *
 * Both follow the commits of the store exactly: commits are numbered when they are decided, and keys in doubt are
 * looked up before anything is said of them (see `uncertain-commits.ts`).
 *
 * The tries are stored too, so that a start reads no record: every change of a record is journalled in its own
 * transaction, and a trie with many changes is stored anew.
 */

import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import type { NodeId, Partition, StoredKey } from '../../core/ids.ts'
import { Forest, partitionIn } from '../../core/merkle/forest.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { emptyRecord } from '../../core/versioning/record.ts'
import type { Durability, Row, RowKey, Store, Table, Write } from '../../ports.ts'
import type { HintLimits } from '../api/config.ts'
import type { Forgetting } from '../forgetting/forgetting.ts'
import type { Progress } from '../ownership/progress.ts'
import { HintIndex, type Kept } from './hint-index.ts'
import type { StorageEvents } from './replica-port.ts'
import {
  encodeJournal,
  encodeTree,
  hintIn,
  hintRow,
  journalIn,
  journalRow,
  type KeyChange,
  keyedRecordIn,
  orderOfRow,
  partitionGroup,
  partitionOfGroup,
  recordRowAt,
  recordWrite,
  type StoredRecord,
  sizeIn,
  stampsOf,
  treeIn,
  treeRow,
} from './rows.ts'
import { type Changed, type Doubt, UncertainCommits } from './uncertain-commits.ts'

/** What a transaction writes, what becomes of which record by that, and what it comes to. */
export interface Change<T> {
  readonly writes: readonly Write[]
  readonly changes: readonly KeyChange[]
  readonly result: T
}

const scanPage = 256

export class MerkleIndex {
  readonly #store: Store
  readonly #progress: Pick<Progress, 'changed' | 'stamp'>
  readonly #forgetting: Pick<Forgetting, 'lost'>
  readonly #on: Pick<StorageEvents, 'corrupt' | 'written'>
  /** What is kept for others. */
  readonly hints: HintIndex
  readonly #forest = new Forest()
  /** Commits that have, or may have, a row in the journal, and partitions that changed since the tries were stored. */
  readonly #journal = new Set<number>()
  #changed = new Set<Partition>()
  #isStoring = false
  /** Key hashes of rows that are not what was written: told once. */
  readonly #unreadable = new Set<string>()
  #loaded: Promise<void> | undefined
  /** Counts decisions to commit: they are taken in the order in which their transactions happen. */
  #order = 0
  readonly #commits = new UncertainCommits()

  constructor(
    store: Store,
    hintLimits: HintLimits,
    progress: Pick<Progress, 'changed' | 'stamp'>,
    forgetting: Pick<Forgetting, 'lost'>,
    on: Pick<StorageEvents, 'corrupt' | 'written'>,
  ) {
    this.#store = store
    this.hints = new HintIndex(hintLimits)
    this.#progress = progress
    this.#forgetting = forgetting
    this.#on = on
  }

  /** A record of a partition changed. */
  written(partition: Partition): void {
    this.#progress.changed(partition)
    this.#on.written(partition)
  }

  /** What is here of every partition; resolves once records of earlier boots, and those in doubt, are counted in. */
  async forest(): Promise<Forest> {
    this.#loaded ??= this.#load()
    await this.#loaded
    while (this.#commits.areAny) await this.#lookUp(this.#commits.first(scanPage))
    return this.#forest
  }

  /**
   * Changes keys in one transaction. `decide` also says what becomes of which record; `heard` is called with its
   * result once it is known. If the transaction fails, the keys are in doubt: a lost connection does not tell whether
   * it took effect.
   */
  async change<T>(
    keys: readonly Changed[],
    rows: readonly RowKey[],
    how: Durability,
    decide: (rows: readonly (Uint8Array | undefined)[]) => Change<T>,
    heard: (result: T, changes: readonly KeyChange[]) => void,
  ): Promise<T> {
    let order = 0
    let since = Number.POSITIVE_INFINITY
    let isOver = false
    // A store whose connection is lost decides again; whether the first time took effect nobody knows.
    const decided: KeyChange[] = []
    try {
      const { result, changes } = await this.#store.transact(rows, how, (found) => {
        // Nobody waits for it any more: it is too late to change anything.
        if (isOver) return { writes: [], result: undefined as never }
        this.#commits.pending.delete(order)
        this.#order += 1
        order = this.#order
        const { writes, changes, result } = decide(found)
        decided.push(...changes)
        // If the first time took effect, its rows keep the stamp of then.
        since = Math.min(since, this.#progress.stamp.count)
        this.#commits.pending.add(order, changes, since)
        if (changes.length > 0) this.#journal.add(order)
        const journal = { key: journalRow(order), value: encodeJournal(changes) }
        return { writes: changes.length === 0 ? writes : [...writes, journal], result: { result, changes } }
      })
      for (const change of changes) this.#committed(change, order)
      // What an earlier decision was to change the last one may have found changed.
      this.#commits.failed(decided.slice(0, decided.length - changes.length))
      heard(result, changes)
      return result
    } catch (error) {
      this.#commits.failed(decided)
      for (const changed of keys) this.#commits.doubt(changed)
      throw error
    } finally {
      isOver = true
      this.#commits.over(order)
    }
  }

  #committed({ hash, version }: KeyChange, order: number): void {
    const name = bytesToHex(hash)
    if (!this.#commits.heard(name, order)) return
    if (version !== null) this.#unreadable.delete(name)
    this.#set({ hash, version })
  }

  #set({ hash, version }: KeyChange): void {
    this.#forest.set(hash, version)
    this.#changed.add(partitionIn(hash))
  }

  /**
   * The record in a row. A row that is not what was written counts as none: what it held is fetched from another
   * replica. So does one that should be there and is not; that is looked up before anything is said of what is here.
   */
  recordAt(hash: Uint8Array, row: Uint8Array | undefined): StoredRecord | null {
    return this.#recordIn(hash, row, () => this.#forgetting.lost(partitionIn(hash), 'lost'))
  }

  /**
   * The same in a transaction that may write the row anew: then nothing shows any more that it was lost, so that is
   * written too.
   */
  recordChanged(hash: Uint8Array, row: Uint8Array | undefined, writes: Write[]): StoredRecord | null {
    const lost = () => writes.push(...this.#forgetting.lost(partitionIn(hash), 'lost'))
    const stored = this.#recordIn(hash, row, lost)
    if (row === undefined && this.isExpected(hash)) lost()
    return stored
  }

  #recordIn(hash: Uint8Array, row: Uint8Array | undefined, damaged: () => void): StoredRecord | null {
    const isDue = () => this.#forest.version(hash) !== null
    if (row === undefined && isDue() && this.isExpected(hash)) this.#commits.doubt({ hash, key: null })
    return keyedRecordIn(row, () => {
      const name = bytesToHex(hash)
      if (!this.#unreadable.has(name)) this.#on.corrupt(`the record with key hash ${name}`)
      this.#unreadable.add(name)
      if (isDue()) this.#commits.doubt({ hash, key: null })
      damaged()
    })
  }

  /**
   * Whether there should be a record of a key here, by all that is known of commits: heard of, decided, or perhaps
   * failed.
   */
  isExpected(hash: Uint8Array): boolean {
    const name = bytesToHex(hash)
    return this.#unreadable.has(name) || this.#commits.isExpected(name, this.#forest.version(hash))
  }

  /** Looks up what is stored of keys in doubt. Returns of how many it is something else than any commit has left. */
  async #lookUp(doubtful: readonly Doubt[]): Promise<number> {
    const places = doubtful.flatMap(({ hash, key }) => [recordRowAt(hash), ...(key === null ? [] : [hintRow(key)])])
    const reading = (found: readonly (Uint8Array | undefined)[]) => {
      const rows = [...found]
      const changes: KeyChange[] = []
      const hints: { key: StoredKey; row: Uint8Array | undefined }[] = []
      const writes: Write[] = []
      let lost: readonly Write[] = []
      let altered = 0
      for (const doubt of doubtful) {
        const { hash, key } = doubt
        const stored = keyedRecordIn(rows.shift(), () => {})
        const version = stored?.version ?? null
        if (!isSame(version, this.#forest.version(hash))) changes.push({ hash, version })
        if (!this.#commits.mayHaveLeft(doubt, this.#forest.version(hash), version)) {
          altered += 1
          lost = this.#forgetting.lost(partitionIn(hash), 'lost')
          // No trie had it, so no exchange has given it, whatever its stamps say.
          const stamps = stampsOf(stored?.record ?? emptyRecord, this.#progress.stamp)
          if (stored !== null) writes.push(recordWrite(hash, { ...stored, stamps }, version))
        }
        if (key !== null) hints.push({ key, row: rows.shift() })
      }
      return { writes: [...writes, ...lost], changes, result: { hints, altered } }
    }
    const { altered } = await this.change(doubtful, places, 'relaxed', reading, ({ hints }) => {
      this.#commits.lookedUp(doubtful)
      for (const { hash } of doubtful) this.written(partitionIn(hash))
      for (const { key, row } of hints) this.#hintIs(key, row)
    })
    return altered
  }

  #hintIs(key: StoredKey, row: Uint8Array | undefined): void {
    this.hints.set(key, { bytes: row?.length ?? 0, targets: this.hints.read(key, row).targets })
  }

  /** The session in which the first transaction was decided of which no word has come; null where there is none. */
  get openSince(): number | null {
    return this.#commits.pending.openSince
  }

  /** Whether a change of a partition was decided of which no word has come yet. */
  isChanging(partition: Partition): boolean {
    return this.#commits.pending.concerns(partition)
  }

  /** Whether the tries have a record in this version. */
  lists(hash: Uint8Array, version: Uint8Array | null): boolean {
    return isSame(this.#forest.version(hash), version)
  }

  /** Whether records of a partition are here. */
  holds(partition: Partition): boolean {
    return this.#forest.sizeOf(partition) > 0
  }

  get recordCount(): number {
    return this.#forest.size
  }

  async #load(): Promise<void> {
    await this.#loadHints()
    const damaged: Partition[] = []
    await this.#eachRow('tree', ({ key: [, , group], value }) => {
      const items = treeIn(value)
      if (items === null) damaged.push(partitionOfGroup(group))
      else this.#forest.restore(partitionOfGroup(group), items)
    })
    await this.#eachRow('journal', ({ key, value }) => {
      this.#order = orderOfRow(key)
      this.#journal.add(this.#order)
      for (const change of journalIn(value)) this.#set(change)
    })
    for (const partition of damaged) await this.scrub(partition, () => {}, this.#forest)
  }

  /** What is kept for whom, without reading any of it: hints may be large, and many. */
  async #loadHints(): Promise<void> {
    const kept = new Map<StoredKey, Kept>()
    await this.#eachRow('owed', ({ key: [, target, name], value }) => {
      const key = name as StoredKey
      const targets = [...(kept.get(key)?.targets ?? []), target as NodeId]
      kept.set(key, { bytes: sizeIn(value), targets })
    })
    for (const [key, hint] of kept) this.hints.set(key, hint)
    this.hints.counted()
  }

  /**
   * Stores the tries that have changed, once there are so many commits in the journal, and clears it of those. Some
   * tries at a time: gets and puts go on between. Commits that are heard of meanwhile stay in the journal, and a
   * start plays them again.
   */
  async checkpoint(commitsMin: number): Promise<void> {
    if (this.#isStoring || this.#journal.size < commitsMin) return
    this.#isStoring = true
    try {
      await this.forest()
      // Keys may have come in doubt in this very moment.
      if (!this.#commits.areAny) await this.#storeTries()
    } finally {
      this.#isStoring = false
    }
  }

  async #storeTries(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed = new Set()
    // A commit nobody has heard of yet is not in the tries: it stays in the journal, and so does what came after.
    const heard = this.#commits.pending.first
    const played = [...this.#journal].filter((order) => order < heard)
    try {
      await this.#writeEach(changed, (partition) => this.#asStored(partition))
      await this.#writeEach(played, (order) => ({ key: journalRow(order), value: null }))
      for (const order of played) this.#journal.delete(order)
    } catch (error) {
      for (const partition of changed) this.#changed.add(partition)
      throw error
    }
  }

  /** Writes some rows at a time, each as it is to be at its turn. */
  async #writeEach<T>(items: readonly T[], write: (item: T) => Write): Promise<void> {
    for (let at = 0; at < items.length; at += bounds.checkpointRows) {
      const some = items.slice(at, at + bounds.checkpointRows)
      await this.#store.transact([], 'relaxed', () => ({ writes: some.map(write), result: undefined }))
    }
  }

  #asStored(partition: Partition): Write {
    const items = this.#forest.itemsOf(partition)
    return { key: treeRow(partition), value: items.length === 0 ? null : encodeTree(items) }
  }

  /** Every key stored here, own records first: for inspection. */
  async keys(): Promise<readonly { readonly key: StoredKey; readonly owedTo: readonly NodeId[] | null }[]> {
    const found: { key: StoredKey; owedTo: readonly NodeId[] | null }[] = []
    await this.#eachRow('record', ({ value }) => {
      const row = keyedRecordIn(value, () => {})
      if (row !== null) found.push({ key: row.key, owedTo: null })
    })
    await this.#eachRow('hint', ({ key, value }) =>
      found.push({ key: key[2] as StoredKey, owedTo: hintIn(value, () => {}).targets }),
    )
    return found
  }

  /** Visits all rows of a table, in order. */
  async #eachRow(table: Table, visit: (row: Row) => void): Promise<void> {
    let after: RowKey | undefined
    do {
      const rows = await this.#store.scan({ table, limit: scanPage, ...(after === undefined ? {} : { after }) })
      for (const row of rows) visit(row)
      after = rows.length < scanPage ? undefined : rows.at(-1)?.key
    } while (after !== undefined)
  }

  /**
   * Reads every record of a partition and compares it with its trie: finds what a disk has altered or lost, and any
   * place where the two have come apart. Returns how many keys that were; the trie then says what is really there.
   * `seen` hears of the others.
   */
  async scrub(partition: Partition, seen: (found: StoredRecord) => void, loaded?: Forest): Promise<number> {
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
        if (found === null || !isSame(found.version, forest.version(hash))) unseen.set(name, hash)
        else {
          unseen.delete(name)
          seen(found)
        }
      }
      after = rows.length < scanPage ? undefined : rows.at(-1)?.key
    } while (after !== undefined)
    return this.#settleDoubts([...unseen.values()])
  }

  /** Looks again at keys that seemed to differ, in one transaction each page; returns how many really did. */
  async #settleDoubts(hashes: readonly Uint8Array[]): Promise<number> {
    let differing = 0
    for (let at = 0; at < hashes.length; at += scanPage) {
      const page = hashes.slice(at, at + scanPage)
      differing += await this.#lookUp(page.map((hash) => this.#commits.doubtOf(hash)))
    }
    return differing
  }
}
