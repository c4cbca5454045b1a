/**
 * The store in IndexedDB.
 *
 * Group commit: everything asked for while a transaction is under way shares the next one, as far as that does not keep the page
 * busy for long, and a promise resolves when its transaction is complete. All hashing and encoding is synchronous within `decide`, so no transaction ever waits for anything
 * but the database. A connection that is lost (browsers close them) is opened again and the work repeated; a database that
 * comes back empty is another database, and the node is told.
 */
import { deleteDB, type IDBPDatabase, openDB, unwrap } from 'idb'
import { bounds } from '../core/bounds.ts'
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
} from '../ports.ts'
import { aborting, begin, bytesOrNothing, createTables, failureOf, pause, put, putInTurns } from './requests.ts'
import { merged, packed, RowLog } from './row-log.ts'
import { RowReader } from './sweep.ts'

/** 4: there is a log, in pieces. What earlier builds stored, none of them released, is not read. */
const schemaVersion = 4

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

/** Opens the database `name`. `lost` hears if it is found empty later on: it was evicted or deleted. */
export async function openIndexedDbStore(name: string, clock: Clock, lost: () => void): Promise<OpenedStore> {
  const store = new IndexedDbStore(name, clock, lost)
  const existed = await store.open()
  return { store, existed }
}

class IndexedDbStore implements Store {
  readonly #name: string
  readonly #clock: Clock
  readonly #lost: () => void
  #database: IDBPDatabase | undefined
  #opening: Promise<IDBPDatabase> | undefined
  #closed = false
  #queue: Task[] = []
  #committing = false
  /** What one thing asked for wrote of late. */
  #taskBytes = 1
  readonly #log = new RowLog()
  readonly #reader = new RowReader()
  /** When the next entry of the log may be settled, and what is to see to it. */
  #settleAt = 0
  #settling: (() => void) | undefined
  /** Another tab has the database open as an older build left it. */
  #isBlocked = false
  /** May still commit: the text says so. */
  readonly #late = new StoreFailure('failed', `the database did not answer within ${bounds.storageTimeoutMs} ms`)
  readonly #blocked = new StoreFailure('failed', 'a tab with an older build of this page holds the database: close it')

  constructor(name: string, clock: Clock, lost: () => void) {
    this.#name = name
    this.#clock = clock
    this.#lost = lost
  }

  async open(): Promise<boolean> {
    let existed = true
    try {
      await this.#attempt(() =>
        this.#connect(() => {
          existed = false
        }),
      )
      await this.#attempt(async () => {
        await this.#log.follow(begin(await this.#connection(), 'readonly').entries)
      })
    } catch (error) {
      await this.close()
      throw error
    }
    // What an earlier page has logged can wait until this one has begun.
    this.#settleAt = this.#clock.now() + bounds.logSettleMs
    this.#settleSoon()
    return existed
  }

  #connect(created: () => void): Promise<IDBPDatabase> {
    const forget = (connection: EventTarget | null) => {
      if (connection instanceof IDBDatabase) connection.close()
      this.#database?.close()
      this.#database = undefined
    }
    this.#opening ??= openDB(this.#name, schemaVersion, {
      upgrade: (database) => {
        created()
        this.#log.clear()
        for (const name of [...database.objectStoreNames]) database.deleteObjectStore(name)
        createTables(database)
      },
      blocked: () => {
        this.#isBlocked = true
      },
      // A newer build is to have it at once; this one fails from then on, and says why.
      blocking: (_current, _blocked, event) => forget(event.target),
      terminated: () => forget(null),
    })
      .then((database) => {
        this.#isBlocked = false
        if (this.#closed) database.close()
        // One that was given up may have come late.
        this.#database?.close()
        this.#database = database
        return database
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  async #connection(): Promise<IDBPDatabase> {
    if (this.#closed) throw new StoreFailure('closed', 'the database was closed')
    return this.#database ?? this.#connect(this.#lost)
  }

  /** Does some work, over again where the connection was lost; everything that goes wrong becomes a `StoreFailure`. */
  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    for (let reopens = 0; ; reopens += 1) {
      const used = this.#database
      try {
        return await this.#inTime(work())
      } catch (error) {
        const isLost =
          error instanceof DOMException &&
          ['InvalidStateError', 'UnknownError', 'AbortError', 'NotReadableError'].includes(error.name)
        if (!isLost || this.#closed || reopens >= bounds.storageReopensMax) throw this.#failure(error)
        // Somebody else may have opened another one meanwhile.
        if (used !== undefined && used !== this.#database) continue
        this.#database?.close()
        this.#database = undefined
      }
    }
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(bounds.storageTimeoutMs, () => {
        // An opening that hangs is not waited for again.
        this.#opening = undefined
        reject(this.#isBlocked ? this.#blocked : this.#late)
      })
      work.then(resolve, reject).finally(cancel)
    })
  }

  #failure(error: unknown): StoreFailure {
    const isClosed = this.#closed && !(error instanceof StoreFailure)
    return isClosed ? new StoreFailure('closed', 'the database was closed', error) : failureOf(error)
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

  /** Sees to it that what is logged gets to its place: when little has been logged or read for a moment, and little by little. */
  #settleSoon(): void {
    if (this.#log.isEmpty || this.#closed || this.#settling !== undefined) return
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
    // Whoever asks for something meanwhile waits for one piece. A hidden tab has one timer a second: it gets on by some.
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
      await this.#attempt(async () => {
        // Who has lost the database does not open it again for this.
        if (this.#database === undefined) throw new StoreFailure('closed', 'there is no connection')
        const { transaction, table, entries, done } = begin(this.#database, 'readwrite')
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
      return false
    }
  }

  /** Commits these together; where that fails, each alone, so that one that does not fit takes no other down. Returns what tells those who have not been told. */
  async #commit(tasks: readonly Task[]): Promise<() => void> {
    const ended = (failure?: StoreFailure) => () => {
      for (const task of tasks) task.ended(failure)
    }
    try {
      await this.#attempt(() => this.#transaction(tasks))
      return ended()
    } catch (error) {
      // What takes too long would take too long again, once for each.
      const isHopeless = tasks.length === 1 || this.#closed || error === this.#late || error === this.#blocked
      if (isHopeless) return ended(this.#failure(error))
      for (const task of tasks) (await this.#commit([task]))()
      return () => {}
    }
  }

  /** Has begun when this returns, if there is a connection: whoever is told after that is told while the database is at work. */
  async #transaction(tasks: readonly Task[]): Promise<void> {
    const database = this.#database ?? (await this.#connection())
    const durability = tasks.some((task) => task.durability === 'strict') ? 'strict' : 'relaxed'
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
    const { logged, direct } = this.#log.share([...writes.values()])
    const orders = aborting(transaction, () => logged.map((entry) => unwrap(entries).add(packed(entry))))
    const bytes = [...writes.values()].reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    this.#taskBytes = (this.#taskBytes + bytes / tasks.length) / 2
    await done(putInTurns(unwrap(table), direct))
    this.#reader.placed(direct)
    for (const [index, entry] of logged.entries()) this.#log.added(orders[index]?.result as number, entry)
    const isLarge = logged.reduce((sum, entry) => sum + entry.length, 0) >= bounds.logRowsMin
    if (isLarge) this.#settleLater()
  }

  read(keys: readonly RowKey[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#attempt(async () => {
      const database = await this.#connection()
      if (keys.length >= bounds.logRowsMin) this.#settleLater()
      for (;;) {
        const due = new Set(keys.filter((key) => this.#log.valueOf(key) === undefined))
        // The log as it is when these have been read: what was committed before has been heard of, and what comes after waits.
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
    return this.#attempt(async () => {
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
    const database = await this.#connection()
    const keys = (await begin(database, 'readonly').table.getAllKeys(range, limit)) as unknown as readonly RowKey[]
    const found = await this.#reader.valuesAt(database, keys)
    return keys.map((key) => ({ key, value: bytesOrNothing(found.get(rowName(key))) ?? new Uint8Array(0) }))
  }

  /** What the browser says of the whole site: other databases of it count too. Not every browser says. */
  async room(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | null> {
    try {
      const { usage, quota } = await this.#inTime(navigator.storage.estimate())
      return usage === undefined || quota === undefined ? null : { usedBytes: usage, quotaBytes: quota }
    } catch {
      return null
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#settling?.()
    this.#database?.close()
    this.#database = undefined
  }

  async destroy(): Promise<void> {
    await this.close()
    await this.#inTime(deleteDB(this.#name))
  }
}
