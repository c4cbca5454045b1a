/**
 * Connection to one database (not in the paper).
 *
 * Browsers close connections. A lost one is opened again, and the work that used it is repeated. Every wait for it has
 * an end.
 */
import { deleteDB, type IDBPDatabase, openDB } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { type Clock, StoreFailure } from '../../ports.ts'
import { createTables, failureOf } from './requests.ts'

/** Version 4 has a log, in pieces. Databases of earlier versions, none of them released, are emptied. */
const schemaVersion = 4

/**
 * Errors of a lost connection, and of a row that cannot be read. The next attempt uses a new connection, and reads that
 * row as empty.
 */
const passing: readonly string[] = ['InvalidStateError', 'UnknownError', 'AbortError', 'NotReadableError']

export class Connection {
  readonly #name: string
  readonly #clock: Clock
  readonly #emptied: () => void
  #database: IDBPDatabase | undefined
  #opening: Promise<IDBPDatabase> | undefined
  #closed = false
  /** Another tab has the database open in the version of an older build. */
  #isBlocked = false
  /** The work may still commit, as the text says. */
  readonly #late = new StoreFailure('failed', `the database did not answer within ${bounds.storageTimeoutMs} ms`)
  readonly #blocked = new StoreFailure('failed', 'a tab with an older build of this page holds the database: close it')

  /** `emptied` is called each time that the database turns out to be new. */
  constructor(name: string, clock: Clock, emptied: () => void) {
    this.#name = name
    this.#clock = clock
    this.#emptied = emptied
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The database, if it is open. */
  get open(): IDBPDatabase | undefined {
    return this.#database
  }

  /** The database; it is opened if it is not. */
  async opened(): Promise<IDBPDatabase> {
    if (this.#closed) throw new StoreFailure('closed', 'the database was closed')
    return this.#database ?? this.#connect()
  }

  #connect(): Promise<IDBPDatabase> {
    const forget = (connection: EventTarget | null) => {
      if (connection instanceof IDBDatabase) connection.close()
      this.#forget()
    }
    this.#opening ??= openDB(this.#name, schemaVersion, {
      upgrade: (database) => {
        this.#emptied()
        for (const name of [...database.objectStoreNames]) database.deleteObjectStore(name)
        createTables(database)
      },
      blocked: () => {
        this.#isBlocked = true
      },
      // A newer build gets the database at once. This one fails from then on, and says why.
      blocking: (_current, _blocked, event) => forget(event.target),
      terminated: () => forget(null),
    })
      .then((database) => {
        this.#isBlocked = false
        if (this.#closed) database.close()
        // An opening that was given up may have ended late.
        this.#forget()
        this.#database = database
        return database
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  #forget(): void {
    this.#database?.close()
    this.#database = undefined
  }

  /** Runs `work`, and repeats it if the connection was lost. Any failure becomes a `StoreFailure`. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    for (let reopens = 0; ; reopens += 1) {
      const used = this.#database
      try {
        return await this.inTime(work())
      } catch (error) {
        const isPassing = error instanceof DOMException && passing.includes(error.name)
        if (!isPassing || this.#closed || reopens >= bounds.storageReopensMax) throw this.failure(error)
        // Another caller may have opened a new connection meanwhile.
        if (used === undefined || used === this.#database) this.#forget()
      }
    }
  }

  /** Waits for work of the database, for `bounds.storageTimeoutMs` at most. */
  inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(bounds.storageTimeoutMs, () => {
        // No caller waits again for an opening that hangs.
        this.#opening = undefined
        reject(this.#isBlocked ? this.#blocked : this.#late)
      })
      work.then(resolve, reject).finally(cancel)
    })
  }

  failure(error: unknown): StoreFailure {
    const isClosed = this.#closed && !(error instanceof StoreFailure)
    return isClosed ? new StoreFailure('closed', 'the database was closed', error) : failureOf(error)
  }

  /** True if a repetition would fail in the same way, after a long wait. */
  isHopeless(error: unknown): boolean {
    return this.#closed || error === this.#late || error === this.#blocked
  }

  close(): void {
    this.#closed = true
    this.#forget()
  }

  async destroy(): Promise<void> {
    this.close()
    await this.inTime(deleteDB(this.#name))
  }
}
