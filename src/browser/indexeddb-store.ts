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
import { merged, RowLog } from './row-log.ts'
import { valuesAt } from './sweep.ts'

/** 3: there is a log. What earlier builds stored, none of them released, is not read. */
const schemaVersion = 3
const rows = 'rows'
const log = 'log'

interface Task {
  readonly keys: readonly RowKey[]
  readonly durability: Durability
  /** Runs the decision on the rows as they are at its turn; returns what to write. */
  readonly decide: (values: readonly (Uint8Array | undefined)[]) => readonly Write[]
  readonly done: () => void
  readonly failed: (error: unknown) => void
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
  /** When the next entry of the log may be settled, and what is to see to it. */
  #settleAt = 0
  #settling: (() => void) | undefined
  /** Another tab has the database open as an older build left it. */
  #isBlocked = false
  /** May still commit, as everything that is late may: the text says so. */
  readonly #late = new StoreFailure('failed', `the database did not answer within ${bounds.storageTimeoutMs} ms`)
  readonly #blocked = new StoreFailure('failed', 'a tab with an older build of this page holds the database: close it')

  constructor(name: string, clock: Clock, lost: () => void) {
    this.#name = name
    this.#clock = clock
    this.#lost = lost
  }

  async open(): Promise<boolean> {
    let existed = true
    await this.#attempt(() =>
      this.#connect(() => {
        existed = false
      }),
    )
    await this.#attempt(async () => {
      await this.#log.follow((await this.#readable(log)).objectStore(log))
    })
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
      upgrade: (database, oldVersion) => {
        created()
        if (oldVersion > 0) database.deleteObjectStore(rows)
        database.createObjectStore(rows)
        database.createObjectStore(log, { autoIncrement: true })
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
      try {
        return await this.#inTime(work())
      } catch (error) {
        const isLost =
          error instanceof DOMException && ['InvalidStateError', 'UnknownError', 'AbortError'].includes(error.name)
        if (!isLost || this.#closed || reopens >= bounds.storageReopensMax) throw this.#failure(error)
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
    if (error instanceof StoreFailure) return error
    if (this.#closed) return new StoreFailure('closed', 'the database was closed', error)
    const name = error instanceof DOMException ? error.name : ''
    if (name === 'VersionError')
      return new StoreFailure(
        'failed',
        'a newer build of this page has taken the database over: reload this tab',
        error,
      )
    const isFull = name === 'QuotaExceededError'
    const detail = error instanceof Error ? error.message : String(error)
    return isFull
      ? new StoreFailure('full', `the browser's quota for this site is used up: ${detail}`, error)
      : new StoreFailure('failed', `IndexedDB failed: ${detail}`, error)
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
        done: () => outcome !== undefined && resolve(outcome.result),
        failed: reject,
      })
      if (this.#committing) return
      this.#committing = true
      // A microtask later, so that everything asked for in one tick shares the transaction.
      queueMicrotask(() => void this.#drain())
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const count = Math.ceil(bounds.commitBytes / this.#taskBytes)
      await this.#commit(this.#queue.splice(0, count))
    }
    this.#committing = false
    this.#settleSoon()
  }

  /** Sees to it that what is logged gets to its place: when nothing has been logged for a moment, and little by little. */
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

  /** Puts the rows of the oldest entry of the log in their places. Where that fails they stay in the log. */
  async #settle(): Promise<void> {
    this.#committing = true
    const startedAt = this.#clock.now()
    let restMs: number = bounds.storageTimeoutMs
    try {
      await this.#attempt(async () => {
        const transaction = (await this.#connection()).transaction([rows, log], 'readwrite', { durability: 'relaxed' })
        const done = transaction.done
        done.catch(() => {})
        await this.#log.follow(transaction.objectStore(log))
        const { oldest } = this.#log
        if (oldest === null) return
        put(unwrap(transaction.objectStore(rows)), oldest.writes)
        unwrap(transaction.objectStore(log)).delete(oldest.order)
        await done
        this.#log.settled(oldest.order)
      })
      restMs = (this.#clock.now() - startedAt) / bounds.logSettleShare
    } catch {
      // A full disk, or one that does not answer. There is time.
    }
    this.#settleAt = Math.max(this.#settleAt, this.#clock.now() + restMs)
    await this.#drain()
  }

  /** Commits these together; where that fails, each alone, so that one that does not fit takes no other down. */
  async #commit(tasks: readonly Task[]): Promise<void> {
    try {
      await this.#attempt(() => this.#transaction(tasks))
      for (const task of tasks) task.done()
    } catch (error) {
      // What takes too long would take too long again, once for each.
      const isHopeless = tasks.length === 1 || this.#closed || error === this.#late || error === this.#blocked
      if (isHopeless) for (const task of tasks) task.failed(this.#failure(error))
      else for (const task of tasks) await this.#commit([task])
    }
  }

  async #transaction(tasks: readonly Task[]): Promise<void> {
    const database = await this.#connection()
    const durability = tasks.some((task) => task.durability === 'strict') ? 'strict' : 'relaxed'
    const transaction = database.transaction([rows, log], 'readwrite', { durability })
    const table = transaction.objectStore(rows)
    const entries = transaction.objectStore(log)
    const done = transaction.done
    done.catch(() => {})
    const keys = tasks.flatMap((task) => task.keys)
    const [found] = await Promise.all([valuesAt(table, keys), this.#log.follow(entries)])
    const current = new Map([...found].map(([name, value]) => [name, bytesOrNothing(value)]))
    for (const key of keys) {
      const logged = this.#log.valueOf(key)
      if (logged !== undefined) current.set(rowName(key), logged ?? undefined)
    }
    const writes = new Map<string, Write>()
    for (const task of tasks) {
      for (const write of task.decide(task.keys.map((key) => current.get(rowName(key))))) {
        const name = rowName(write.key)
        current.set(name, write.value ?? undefined)
        writes.set(name, write)
      }
    }
    // A full disk may show at the request or at the commit; the first error is the one that says so.
    let first: unknown
    const failed = ({ target }: Event) => {
      const error = target instanceof IDBRequest ? target.error : null
      // What is cancelled because the transaction aborts says nothing of why it does.
      if (error?.name !== 'AbortError') first ??= error ?? undefined
    }
    // On its way to the request: before the transaction itself hears of it.
    unwrap(transaction).addEventListener('error', failed, { capture: true })
    const { logged, direct } = this.#log.share([...writes.values()])
    put(unwrap(table), direct)
    const entry = logged.length > 0 ? unwrap(entries).add(logged) : null
    const bytes = [...writes.values()].reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    this.#taskBytes = (this.#taskBytes + bytes / tasks.length) / 2
    await done.catch((error: unknown) => {
      throw first ?? error
    })
    if (entry === null) return
    this.#log.added(entry.result as number, logged)
    if (logged.length >= bounds.logRowsMin) this.#settleAt = this.#clock.now() + bounds.logSettleMs
  }

  read(keys: readonly RowKey[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#attempt(async () => {
      // As the log is now: what is settled meanwhile is the same in its place.
      const logged = new Map(keys.map((key) => [rowName(key), this.#log.valueOf(key)]))
      const placed = keys.filter((key) => logged.get(rowName(key)) === undefined)
      const found = await valuesAt((await this.#readable(rows)).objectStore(rows), placed)
      return keys.map((key) => {
        const value = logged.get(rowName(key))
        return value === undefined ? bytesOrNothing(found.get(rowName(key))) : (value ?? undefined)
      })
    })
  }

  scan({ table, group, after, limit }: Parameters<Store['scan']>[0]): Promise<readonly Row[]> {
    const first = group === undefined ? [table] : [table, group]
    return this.#attempt(async () => {
      const logged = this.#log.within(first, after)
      const found: Row[] = []
      for (let from = after; ; ) {
        const page = await this.#page(first, from, limit)
        const last = page.length < limit ? undefined : page.at(-1)?.key
        found.push(...merged(page, logged, from, last))
        if (last === undefined || found.length >= limit) return found.slice(0, limit)
        from = last
      }
    })
  }

  /** Rows whose keys begin with `first`, as they are in their places. */
  async #page(first: readonly string[], after: RowKey | undefined, limit: number): Promise<readonly Row[]> {
    // An empty array sorts after every text: the end of all that begins alike.
    const range = IDBKeyRange.bound(after === undefined ? first : [...after], [...first, []], after !== undefined, true)
    const store = (await this.#readable(rows)).objectStore(rows)
    const [keys, values] = await Promise.all([store.getAllKeys(range, limit), store.getAll(range, limit)])
    return keys.map((key, index) => ({
      key: key as unknown as RowKey,
      value: bytesOrNothing(values[index]) ?? new Uint8Array(0),
    }))
  }

  /** A transaction to read in. What goes wrong shows at the requests; the transaction's own end is nobody's. */
  async #readable(store: typeof rows | typeof log) {
    const transaction = (await this.#connection()).transaction(store, 'readonly')
    transaction.done.catch(() => {})
    return transaction
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

/** Puts rows in their places, without a promise for each: the transaction's own end says how all of them ended. */
function put(table: IDBObjectStore, writes: readonly Write[]): void {
  for (const { key, value } of writes) {
    if (value === null) table.delete([...key])
    else table.put(value, [...key])
  }
}

/** What is in a row, if it is bytes; anything else was not written by us. */
function bytesOrNothing(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
