/**
 * The store in IndexedDB.
 *
 * Group commit: everything asked for while a transaction is under way shares the next one, as far as that does not
 * keep the page busy for long, and a promise resolves when its transaction is complete. All hashing and encoding is
 * synchronous within `decide`, so no transaction ever waits for anything but the database. A database that comes back
 * empty is another database, and the node is told.
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
  /** Runs the decision on the rows as they are at its turn; returns what to write. */
  readonly decide: (values: readonly (Uint8Array | undefined)[]) => readonly Write[]
  readonly ended: (failure?: StoreFailure) => void
}

export interface OpenedStore {
  readonly store: Store
  /** Whether the database was there before. */
  readonly existed: boolean
}

/**
 * Opens the database `name`. `lost` hears if it is found empty later on: it was evicted or deleted. Commits of
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
 * Whether a database failed because of its state on the disk, as far as can be told: not one that another build of
 * the page holds, one that is full, or one that did not answer in time.
 */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof StoreFailure) || error.reason !== 'failed') return false
  return error.cause instanceof DOMException && error.cause.name !== 'VersionError'
}

/** Deletes a database that nobody has open. */
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
  /** What one thing asked for wrote of late. */
  #taskBytes = 1
  readonly #log: RowLog
  readonly #logRowsMin: number
  readonly #reader = new RowReader()
  /** The last commit wrote a row that a browser may keep in a file: the next one likely does, too. */
  #wroteFiles = false
  /** When the next entry of the log may be settled, and what is to see to it. */
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
    // What an earlier page has logged can wait until this one has begun.
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
      // A microtask later, so that everything asked for in one tick shares the transaction.
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

  /** How many of those who wait are committed together: not so many that the page stands still meanwhile. */
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
   * Sees to it that what is logged gets to its place: when little has been logged or read for a moment, and little by
   * little.
   */
  #settleSoon(): void {
    if (this.#log.isEmpty || this.#connection.isClosed || this.#settling !== undefined) return
    this.#settling = this.#clock.after(Math.max(0, this.#settleAt - this.#clock.now()), () => {
      this.#settling = undefined
      // Whatever is being committed sees to it again when it is done.
      if (this.#committing) return
      if (this.#clock.now() < this.#settleAt) this.#settleSoon()
      else void this.#settle()
    })
  }

  /** Much is read or logged: moving rows to their places can wait, as long as there is room. */
  #settleLater(): void {
    if (this.#log.hasRoom) this.#settleAt = this.#clock.now() + bounds.logSettleMs
  }

  async #settle(): Promise<void> {
    this.#committing = true
    const startedAt = this.#clock.now()
    let isDone = true
    // Whoever asks for something meanwhile waits for one piece. A hidden tab has one timer a second: it gets on by
    // some.
    for (let left = bounds.logSettlePieces; isDone && left > 0 && this.#queue.length === 0; left -= 1)
      isDone = this.#log.isEmpty || (await this.#settleSome(bounds.logSettleRows))
    const now = this.#clock.now()
    const restMs = isDone ? (now - startedAt) / bounds.logSettleShare : bounds.storageTimeoutMs
    this.#settleAt = Math.max(this.#settleAt, now + restMs)
    await this.#drain()
  }

  /** Puts the oldest rows of the log in their places; whether that succeeded. They stay in the log otherwise. */
  async #settleSome(count: number): Promise<boolean> {
    try {
      await this.#connection.attempt(async () => {
        // Who has lost the database does not open it again for this.
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
      // A full disk, or one that does not answer. There is time.
      this.#log.doubt()
      return false
    }
  }

  /**
   * Commits these together; where that fails, each alone, so that one that does not fit takes no other down. Returns
   * what tells those who have not been told.
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
      // What takes too long would take too long again, once for each.
      if (tasks.length === 1 || this.#connection.isHopeless(error)) return ended(this.#connection.failure(error))
      for (const task of tasks) (await this.#commit([task]))()
      return () => {}
    }
  }

  /**
   * Has begun when this returns, if there is a connection: whoever is told after that is told while the database is
   * at work. What goes to files is flushed with its own commit or never, so a commit of that is strict, and begins
   * again where it is not.
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
   * The database, for what is only read. Where nobody heard how a commit had ended, the log is the one in it first:
   * else of such a commit only what went to its place would show.
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
        // The log as it is when these have been read: what was committed before has been heard of, and what comes
        // after waits.
        const found = due.size === 0 ? new Map() : await this.#reader.valuesAt(database, [...due])
        const hasLeft = (key: RowKey) => !due.has(key) && this.#log.valueOf(key) === undefined
        if (!keys.some(hasLeft)) return keys.map((key) => this.#valueAt(key, found))
      }
    })
  }

  /** What is stored at a key: what stands in for it in the log, or else what was found in its place. */
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
    // An empty array sorts after every text: the end of all that begins alike.
    const range = IDBKeyRange.bound(after === undefined ? first : [...after], [...first, []], after !== undefined, true)
    const database = await this.#readable()
    const { table } = begin(database, 'readonly')
    const keys = (await table.getAllKeys(range, limit)) as unknown as readonly RowKey[]
    const found = await this.#reader.valuesAt(database, keys, table)
    return keys.map((key) => ({ key, value: bytesOrNothing(found.get(rowName(key))) ?? new Uint8Array(0) }))
  }

  /** What the browser says of the whole site: other databases of it count too. Not every browser says. */
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
