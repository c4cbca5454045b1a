/**
 * Merkle index: the tries of all records, and the keys of all hints, in memory (Dynamo, section 4.7).
 *
 * Both follow the commits of the store exactly: commits are numbered when they are decided. A key with an uncertain row
 * is in doubt, and is looked up before `forest` resolves (see `uncertain-commits.ts`). The tries are stored too, so a
 * start reads no records, except to repair a damaged trie. Each transaction journals the records it changes. A
 * checkpoint stores the changed tries anew.
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

/** The plan of a transaction: its writes, the records they change, and the result for its caller. */
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
  readonly #on: Pick<StorageEvents, 'corrupt' | 'written' | 'checkpointed'>
  /** The sizes and targets of the hints for other nodes. */
  readonly hints: HintIndex
  readonly #forest = new Forest()
  /** Commits that have, or may have, a journal row. `#changed`: partitions whose stored tries are out of date. */
  readonly #journal = new Set<number>()
  #changed = new Set<Partition>()
  #isStoring = false
  /** Key hashes of damaged rows, each reported once. */
  readonly #unreadable = new Set<string>()
  #loaded: Promise<void> | undefined
  /** The number of the last decision to commit. Decisions come in the order in which their transactions happen. */
  #order = 0
  readonly #commits = new UncertainCommits()

  constructor(
    store: Store,
    hintLimits: HintLimits,
    progress: Pick<Progress, 'changed' | 'stamp'>,
    forgetting: Pick<Forgetting, 'lost'>,
    on: Pick<StorageEvents, 'corrupt' | 'written' | 'checkpointed'>,
  ) {
    this.#store = store
    this.hints = new HintIndex(hintLimits)
    this.#progress = progress
    this.#forgetting = forgetting
    this.#on = on
  }

  /** Records of a partition were taken in, or keys in doubt were looked up. */
  written(partition: Partition): void {
    this.#progress.changed(partition)
    this.#on.written(partition)
  }

  /** The tries of all partitions. Resolves when records of earlier boots are loaded, and no key is in doubt. */
  async forest(): Promise<Forest> {
    this.#loaded ??= this.#load()
    await this.#loaded
    while (this.#commits.areAny) await this.#lookUp(this.#commits.first(scanPage))
    return this.#forest
  }

  /**
   * Changes keys in one transaction. `decide` also names the changed records. `heard` gets its result when the store
   * has reported the commit. After a failure the keys are in doubt: a lost connection does not tell if the transaction
   * took effect.
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
    // After a lost connection the store decides again, although the first decision may have taken effect.
    const decided: KeyChange[] = []
    try {
      const { result, changes } = await this.#store.transact(rows, how, (found) => {
        // The caller was told of a failure already. It is too late to change anything.
        if (isOver) return { writes: [], result: undefined as never }
        this.#commits.pending.delete(order)
        this.#order += 1
        order = this.#order
        const { writes, changes, result } = decide(found)
        decided.push(...changes)
        // The first decision may have taken effect. Then its rows keep the older stamp.
        since = Math.min(since, this.#progress.stamp.count)
        this.#commits.pending.add(order, changes, since)
        if (changes.length > 0) this.#journal.add(order)
        const journal = { key: journalRow(order), value: encodeJournal(changes) }
        return { writes: changes.length === 0 ? writes : [...writes, journal], result: { result, changes } }
      })
      for (const change of changes) this.#committed(change, order)
      // If an earlier decision took effect, the last one found its rows written already, and does not name them.
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
   * The record in a row. A damaged or missing row counts as none. Another replica supplies its record. If a record is
   * expected here, the key is in doubt from then on.
   */
  recordAt(hash: Uint8Array, row: Uint8Array | undefined): StoredRecord | null {
    return this.#recordIn(hash, row, () => this.#forgetting.lost(partitionIn(hash), 'lost'))
  }

  /**
   * The same in a transaction that may write the row anew. The new row would hide the loss, so the loss is written in
   * the same transaction.
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
   * True if a record of a key should be here: its row was found damaged, or commits have left one (see
   * `UncertainCommits`).
   */
  isExpected(hash: Uint8Array): boolean {
    const name = bytesToHex(hash)
    return this.#unreadable.has(name) || this.#commits.isExpected(name, this.#forest.version(hash))
  }

  /** Looks up the rows of keys in doubt. Returns the number of keys with a version that no commit can have left. */
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
          // No trie listed this version, so no exchange has given it, no matter what its stamps say.
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

  /** The earliest session of a transaction that is decided and not yet reported as ended. Null for none. */
  get openSince(): number | null {
    return this.#commits.pending.openSince
  }

  /** True if a change of a partition is decided and not yet reported as ended. */
  isChanging(partition: Partition): boolean {
    return this.#commits.pending.concerns(partition)
  }

  /** True if the tries list a key in this version. Null stands for no record. */
  lists(hash: Uint8Array, version: Uint8Array | null): boolean {
    return isSame(this.#forest.version(hash), version)
  }

  /** True if the tries list a record of a partition. */
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

  /** Reads the sizes and targets of all hints. It reads no hint itself: hints may be large, and many. */
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
   * If the journal has `commitsMin` commits, stores the changed tries, and then deletes those commits. It stores a few
   * tries at a time, so gets and puts go on between. Commits reported meanwhile stay in the journal, and a start
   * replays them.
   */
  async checkpoint(commitsMin: number): Promise<void> {
    if (this.#isStoring || this.#journal.size < commitsMin) return
    this.#isStoring = true
    try {
      await this.forest()
      // A key may have come in doubt in this very moment.
      if (!this.#commits.areAny) await this.#storeTries()
    } finally {
      this.#isStoring = false
    }
  }

  async #storeTries(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed = new Set()
    // A pending commit is not in the tries. It stays in the journal, and so do all commits after it.
    const heard = this.#commits.pending.first
    const played = [...this.#journal].filter((order) => order < heard)
    try {
      await this.#writeEach(changed, (partition) => this.#asStored(partition))
      await this.#writeEach(played, (order) => ({ key: journalRow(order), value: null }))
      for (const order of played) this.#journal.delete(order)
      this.#on.checkpointed(changed.length)
    } catch (error) {
      for (const partition of changed) this.#changed.add(partition)
      throw error
    }
  }

  /** Writes rows, a few in each transaction. `write` makes a row when its transaction is decided. */
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

  /** The keys of all records here, then those of all hints, for inspection. `owedTo`: null for a record. */
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
   * Compares every record of a partition with its trie. Finds rows that the disk has altered or lost, and any other
   * difference between rows and trie. Returns the number of keys whose rows no commit explains. Afterwards the trie
   * matches the rows. `seen` gets each record that agrees with the trie at the first look.
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

  /** Looks again at keys that seemed to differ, one transaction a page. Returns the number that really differ. */
  async #settleDoubts(hashes: readonly Uint8Array[]): Promise<number> {
    let differing = 0
    for (let at = 0; at < hashes.length; at += scanPage) {
      const page = hashes.slice(at, at + scanPage)
      differing += await this.#lookUp(page.map((hash) => this.#commits.doubtOf(hash)))
    }
    return differing
  }
}
