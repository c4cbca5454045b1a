/**
 * The connection to a database. Browsers close them: one that is lost is opened again, and the work repeated that it
 * was used for. No wait for it is without an end.
 */
import { deleteDB, type IDBPDatabase, openDB } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { type Clock, StoreFailure } from '../../ports.ts'
import { createTables, failureOf } from './requests.ts'

/** 4: there is a log, in pieces. What earlier builds stored, none of them released, is not read. */
const schemaVersion = 4

/** What a lost connection shows as, and a row that cannot be read: the next attempt does without it. */
const passing: readonly string[] = ['InvalidStateError', 'UnknownError', 'AbortError', 'NotReadableError']

export class Connection {
  readonly #name: string
  readonly #clock: Clock
  readonly #emptied: () => void
  #database: IDBPDatabase | undefined
  #opening: Promise<IDBPDatabase> | undefined
  #closed = false
  /** Another tab has the database open as an older build left it. */
  #isBlocked = false
  /** May still commit: the text says so. */
  readonly #late = new StoreFailure('failed', `the database did not answer within ${bounds.storageTimeoutMs} ms`)
  readonly #blocked = new StoreFailure('failed', 'a tab with an older build of this page holds the database: close it')

  /** `emptied` hears each time that the database is found to be new. */
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
      // A newer build is to have it at once; this one fails from then on, and says why.
      blocking: (_current, _blocked, event) => forget(event.target),
      terminated: () => forget(null),
    })
      .then((database) => {
        this.#isBlocked = false
        if (this.#closed) database.close()
        // One that was given up may have come late.
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

  /** Does some work, over again where the connection was lost; everything that goes wrong becomes a `StoreFailure`. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    for (let reopens = 0; ; reopens += 1) {
      const used = this.#database
      try {
        return await this.inTime(work())
      } catch (error) {
        const isPassing = error instanceof DOMException && passing.includes(error.name)
        if (!isPassing || this.#closed || reopens >= bounds.storageReopensMax) throw this.failure(error)
        // Somebody else may have opened another one meanwhile.
        if (used === undefined || used === this.#database) this.#forget()
      }
    }
  }

  /** Waits for something of the database as long as it may take. */
  inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(bounds.storageTimeoutMs, () => {
        // An opening that hangs is not waited for again.
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

  /** Whether what failed so would fail again, and take long. */
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
