/**
 * The store of a node in IndexedDB (Dynamo, section 5: the local persistence component).
 *
 * Group commit: all tasks that come while a transaction is under way share the next one, unless that would keep the
 * page busy for long. A promise resolves when its transaction is complete. All hashing and encoding is synchronous
 * within `decide`, so a transaction waits only for the database. A database that comes back empty is another database,
 * and the node is told.
 */
import { type IDBPDatabase, unwrap } from 'idb'
import { bounds } from '../../core/bounds.ts'
import {
  type Clock,
  type Decide,
  type Durability,
  type Row,
  type RowKey,
  rowName,
  type Store,
  StoreFailure,
  type Write,
} from '../../ports.ts'
import { Connection } from './connection.ts'
import { aborting, begin, bytesOrNothing, goesToFile, pause, put, putInTurns } from './requests.ts'
import { merged, packed, RowLog } from './row-log.ts'
import { RowReader } from './sweep.ts'

interface Task {
  readonly keys: readonly RowKey[]
  readonly durability: Durability
  /** Decides on the rows as they are at the task's turn. Returns the rows to write. */
  readonly decide: (values: readonly (Uint8Array | undefined)[]) => readonly Write[]
  readonly ended: (failure?: StoreFailure) => void
}

export interface OpenedStore {
  readonly store: Store
  /** True if the database was there before. */
  readonly existed: boolean
}

/**
 * Opens the database `name`. `lost` is called if it is found empty later on: it was evicted or deleted. Commits of
 * `logRowsMin` rows or more go to the log.
 */
export async function openIndexedDbStore(
  name: string,
  clock: Clock,
  lost: () => void,
  logRowsMin: number = bounds.logRowsMin,
): Promise<OpenedStore> {
  const store = new IndexedDbStore(name, clock, lost, logRowsMin)
  const existed = await store.open()
  return { store, existed }
}

/**
 * True if the state of a database on the disk made it fail, as far as the error tells. That excludes a database that
 * another build holds, a full one, and one that did not answer in time.
 */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof StoreFailure) || error.reason !== 'failed') return false
  return error.cause instanceof DOMException && error.cause.name !== 'VersionError'
}

/** Deletes a database that no tab has open. */
export async function destroyDatabase(name: string, clock: Clock): Promise<void> {
  await new Connection(name, clock, () => {}).destroy()
}

class IndexedDbStore implements Store {
  readonly #connection: Connection
  readonly #clock: Clock
  #isOpen = false
  #existed = true
  #queue: Task[] = []
  #committing = false
  /** Bytes that one task writes, as a running mean. */
  #taskBytes = 1
  readonly #log: RowLog
  readonly #logRowsMin: number
  readonly #reader = new RowReader()
  /** The last commit wrote a row that a browser may keep in a file. The next one likely does too. */
  #wroteFiles = false
  /** The time at which the next entry of the log may be settled, and the timer for it. */
  #settleAt = 0
  #settling: (() => void) | undefined

  constructor(name: string, clock: Clock, lost: () => void, logRowsMin: number) {
    this.#clock = clock
    this.#log = new RowLog(logRowsMin)
    this.#logRowsMin = logRowsMin
    this.#connection = new Connection(name, clock, () => {
      this.#log.clear()
      if (this.#isOpen) lost()
      else this.#existed = false
    })
  }

  async open(): Promise<boolean> {
    try {
      await this.#connection.attempt(async () => {
        await this.#log.follow(begin(await this.#connection.opened(), 'readonly').entries)
      })
    } catch (error) {
      await this.close()
      throw error
    }
    this.#isOpen = true
    // Entries of an earlier page can wait until this one has begun.
    this.#settleAt = this.#clock.now() + bounds.logSettleMs
    this.#settleSoon()
    return this.#existed
  }

  transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let outcome: { readonly result: T } | undefined
      this.#queue.push({
        keys,
        durability,
        decide: (values) => {
          const { writes, result } = decide(values)
          outcome = { result }
          return writes
        },
        ended: (failure) => {
          if (failure !== undefined) reject(failure)
          else if (outcome !== undefined) resolve(outcome.result)
        },
      })
      if (this.#committing) return
      this.#committing = true
      // A microtask later, so that all tasks of one tick share the transaction.
      queueMicrotask(() => void this.#drain())
    })
  }

  async #drain(): Promise<void> {
    let tell = () => {}
    while (this.#queue.length > 0) {
      if (this.#log.isOverfull) {
        tell()
        await this.#settleSome(bounds.commitRows)
      }
      const committing = this.#commit(this.#queue.splice(0, this.#taken()))
      tell()
      tell = await committing
    }
    this.#committing = false
    tell()
    this.#settleSoon()
  }

  /** The number of queued tasks to commit together: not so many that the page stands still meanwhile. */
  #taken(): number {
    const most = Math.ceil(bounds.commitBytes / this.#taskBytes)
    let keys = 0
    const enough = this.#queue.findIndex((task) => {
      keys += task.keys.length
      return keys >= bounds.commitRows
    })
    return Math.min(most, enough < 0 ? this.#queue.length : enough + 1)
  }

  /**
   * Sets a timer to move logged rows to their places, in small pieces. It fires after a moment with little logging and
   * reading.
   */
  #settleSoon(): void {
    if (this.#log.isEmpty || this.#connection.isClosed || this.#settling !== undefined) return
    this.#settling = this.#clock.after(Math.max(0, this.#settleAt - this.#clock.now()), () => {
      this.#settling = undefined
      // The end of the commit under way calls this again.
      if (this.#committing) return
      if (this.#clock.now() < this.#settleAt) this.#settleSoon()
      else void this.#settle()
    })
  }

  /** Many rows were read or logged. Moving rows to their places can wait, as long as the log has room. */
  #settleLater(): void {
    if (this.#log.hasRoom) this.#settleAt = this.#clock.now() + bounds.logSettleMs
  }

  async #settle(): Promise<void> {
    this.#committing = true
    const startedAt = this.#clock.now()
    let isDone = true
    // A task that comes meanwhile waits for one piece. A hidden tab has one timer a second, so each moves several
    // pieces.
    for (let left = bounds.logSettlePieces; isDone && left > 0 && this.#queue.length === 0; left -= 1)
      isDone = this.#log.isEmpty || (await this.#settleSome(bounds.logSettleRows))
    const now = this.#clock.now()
    const restMs = isDone ? (now - startedAt) / bounds.logSettleShare : bounds.storageTimeoutMs
    this.#settleAt = Math.max(this.#settleAt, now + restMs)
    await this.#drain()
  }

  /**
   * Puts the oldest rows of the log in their places. Resolves to true if that succeeded. Otherwise they stay in the
   * log.
   */
  async #settleSome(count: number): Promise<boolean> {
    try {
      await this.#connection.attempt(async () => {
        // A lost connection is not opened again for this.
        const database = this.#connection.open
        if (database === undefined) throw new StoreFailure('closed', 'there is no connection')
        const durability = this.#log.oldest(count).writes.some(goesToFile) ? 'strict' : 'relaxed'
        const { transaction, table, entries, done } = begin(database, 'readwrite', durability)
        await this.#log.follow(entries)
        const oldest = this.#log.oldest(count)
        aborting(transaction, () => {
          put(unwrap(table), oldest.writes)
          if (oldest.through !== null) unwrap(entries).delete(IDBKeyRange.upperBound(oldest.through))
        })
        await done()
        this.#reader.placed(oldest.writes)
        this.#log.settled(oldest)
      })
      return true
    } catch {
      // The disk is full, or does not answer. This can wait.
      this.#log.doubt()
      return false
    }
  }

  /**
   * Commits tasks together. If that fails, each is committed alone, so that one that does not fit takes no other down.
   * Resolves to a function that tells the callers that have not been told.
   */
  async #commit(tasks: readonly Task[]): Promise<() => void> {
    const ended = (failure?: StoreFailure) => () => {
      for (const task of tasks) task.ended(failure)
    }
    try {
      await this.#connection.attempt(() => this.#transaction(tasks))
      return ended()
    } catch (error) {
      this.#log.doubt()
      // Work that took too long would take too long again, once for each task.
      if (tasks.length === 1 || this.#connection.isHopeless(error)) return ended(this.#connection.failure(error))
      for (const task of tasks) (await this.#commit([task]))()
      return () => {}
    }
  }

  /**
   * Runs tasks in one transaction. If there is a connection, the transaction has begun when this returns. So callers of
   * the commit before are told while the database works. A row that is kept in a file is flushed by its own commit or
   * never. So a commit with such rows is strict, and a relaxed one is aborted and begun again.
   */
  async #transaction(tasks: readonly Task[], withFiles: boolean = this.#wroteFiles): Promise<void> {
    const database = this.#connection.open ?? (await this.#connection.opened())
    const durability = withFiles || tasks.some((task) => task.durability === 'strict') ? 'strict' : 'relaxed'
    const { transaction, table, entries, done } = begin(database, 'readwrite', durability)
    const keys = tasks.flatMap((task) => task.keys)
    const [found] = await Promise.all([this.#reader.valuesAt(database, keys, table), this.#log.follow(entries)])
    const current = new Map(keys.map((key) => [rowName(key), this.#valueAt(key, found)]))
    const writes = new Map<string, Write>()
    let considered = 0
    for (const task of tasks) {
      if (considered + task.keys.length > bounds.commitTaskRows && considered > 0) {
        await pause(unwrap(table))
        considered = 0
      }
      considered += task.keys.length
      for (const write of task.decide(task.keys.map((key) => current.get(rowName(key))))) {
        const name = rowName(write.key)
        current.set(name, write.value ?? undefined)
        writes.set(name, write)
      }
    }
    this.#wroteFiles = [...writes.values()].some(goesToFile)
    if (this.#wroteFiles && durability === 'relaxed') {
      transaction.abort()
      return this.#transaction(tasks, true)
    }
    const { logged, direct } = this.#log.share([...writes.values()])
    const orders = aborting(transaction, () => logged.map((entry) => unwrap(entries).add(packed(entry))))
    const bytes = [...writes.values()].reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    this.#taskBytes = (this.#taskBytes + bytes / tasks.length) / 2
    await done(putInTurns(unwrap(table), direct))
    this.#reader.placed(direct)
    for (const [index, entry] of logged.entries()) this.#log.added(orders[index]?.result as number, entry)
    const isLarge = logged.reduce((sum, entry) => sum + entry.length, 0) >= this.#logRowsMin
    if (isLarge) this.#settleLater()
  }

  /**
   * The database, for reads. After a commit with an unknown end, the log is read again first. Otherwise reads would
   * show only those rows of the commit that went to their places.
   */
  async #readable(): Promise<IDBPDatabase> {
    const database = await this.#connection.opened()
    if (this.#log.isDoubtful) await this.#log.follow(begin(database, 'readonly').entries)
    return database
  }

  read(keys: readonly RowKey[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#connection.attempt(async () => {
      const database = await this.#readable()
      if (keys.length >= this.#logRowsMin) this.#settleLater()
      for (;;) {
        const due = new Set(keys.filter((key) => this.#log.valueOf(key) === undefined))
        // The log counts as it is after this read. Commits before the read have been noted in it, and later ones wait
        // for the read.
        const found = due.size === 0 ? new Map() : await this.#reader.valuesAt(database, [...due])
        const hasLeft = (key: RowKey) => !due.has(key) && this.#log.valueOf(key) === undefined
        if (!keys.some(hasLeft)) return keys.map((key) => this.#valueAt(key, found))
      }
    })
  }

  /** The value at a key: the one in the log if there is one, or else the one in its place. */
  #valueAt(key: RowKey, found: ReadonlyMap<string, unknown>): Uint8Array | undefined {
    const logged = this.#log.valueOf(key)
    return logged === undefined ? bytesOrNothing(found.get(rowName(key))) : (logged ?? undefined)
  }

  scan({ table, group, after, limit }: Parameters<Store['scan']>[0]): Promise<readonly Row[]> {
    const first = group === undefined ? [table] : [table, group]
    return this.#connection.attempt(async () => {
      const found: Row[] = []
      for (let from = after; ; ) {
        const page = await this.#page(first, from, limit)
        const { rows: some, last } = merged(page, this.#log.within(first, from, limit), limit)
        found.push(...some)
        if (last === undefined || found.length >= limit) return found.slice(0, limit)
        from = last
      }
    })
  }

  /** Rows whose keys begin with `first`, as they are in their places. */
  async #page(first: readonly string[], after: RowKey | undefined, limit: number): Promise<readonly Row[]> {
    // An empty array sorts after every text, so it ends the range of all keys that begin alike.
    const range = IDBKeyRange.bound(after === undefined ? first : [...after], [...first, []], after !== undefined, true)
    const database = await this.#readable()
    const { table } = begin(database, 'readonly')
    const keys = (await table.getAllKeys(range, limit)) as unknown as readonly RowKey[]
    const found = await this.#reader.valuesAt(database, keys, table)
    return keys.map((key) => ({ key, value: bytesOrNothing(found.get(rowName(key))) ?? new Uint8Array(0) }))
  }

  /** The browser's estimate for the whole site, other databases included. Null in a browser that gives none. */
  async room(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | null> {
    try {
      const { usage, quota } = await this.#connection.inTime(navigator.storage.estimate())
      return usage === undefined || quota === undefined ? null : { usedBytes: usage, quotaBytes: quota }
    } catch {
      return null
    }
  }

  async close(): Promise<void> {
    this.#settling?.()
    this.#connection.close()
  }

  async destroy(): Promise<void> {
    await this.close()
    await this.#connection.destroy()
  }
}
