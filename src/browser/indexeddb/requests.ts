/**
 * Requests to IndexedDB, and the meaning of its errors (not in the paper).
 *
 * One transaction covers the rows and the log. Many rows are put without a promise for each, and in turns with the
 * page.
 */
import { type IDBPDatabase, type IDBPObjectStore, type IDBPTransaction, unwrap } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { type Durability, StoreFailure, type Write } from '../../ports.ts'

const [rows, log] = ['rows', 'log']

interface Begun<Mode extends 'readonly' | 'readwrite'> {
  readonly transaction: IDBPTransaction<unknown, string[], Mode>
  readonly table: IDBPObjectStore<unknown, string[], string, Mode>
  readonly entries: IDBPObjectStore<unknown, string[], string, Mode>
  /** Resolves when the transaction is complete, after `work`. Rejects with the first error in it. */
  done(work?: Promise<void>): Promise<void>
}

export function createTables(database: IDBPDatabase): void {
  database.createObjectStore(rows)
  database.createObjectStore(log, { autoIncrement: true })
}

/**
 * Begins a transaction over all tables. Its errors show at the requests, and to the caller of `done`. A full disk may
 * show at a request or at the commit, and only the first error names it.
 */
export function begin<Mode extends 'readonly' | 'readwrite'>(
  database: IDBPDatabase,
  mode: Mode,
  durability: Durability = 'relaxed',
): Begun<Mode> {
  const transaction = database.transaction([rows, log], mode, { durability })
  transaction.done.catch(() => {})
  let first: unknown
  const failed = ({ target }: Event) => {
    const error = target instanceof IDBRequest ? target.error : null
    // A request that the abort cancelled does not tell the cause of the abort.
    if (error?.name !== 'AbortError') first ??= error ?? undefined
  }
  // Captured on its way to the request, before the transaction itself hears of it.
  unwrap(transaction).addEventListener('error', failed, { capture: true })
  const done = async (work?: Promise<void>) => {
    try {
      await work
      await transaction.done
    } catch (error) {
      throw first ?? error
    }
  }
  return { transaction, table: transaction.objectStore(rows), entries: transaction.objectStore(log), done }
}

/** The error as a `StoreFailure`, with a text for people. */
export function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'VersionError')
    return new StoreFailure('failed', 'a newer build of this page has taken the database over: reload this tab', error)
  const detail = error instanceof Error ? error.message : String(error)
  return name === 'QuotaExceededError'
    ? new StoreFailure('full', `the browser's quota for this site is used up: ${detail}`, error)
    : new StoreFailure('failed', `IndexedDB failed: ${detail}`, error)
}

/** Runs `work` and aborts the transaction if it throws, so that no part of it is stored. */
export function aborting<T>(transaction: { abort(): void }, work: () => T): T {
  try {
    return work()
  } catch (error) {
    transaction.abort()
    throw error
  }
}

/** True if a browser may keep a row in a file of its own. */
export const goesToFile = ({ value }: Write): boolean => (value?.length ?? 0) > bounds.rowFileBytes

/** Puts rows in their places, without a promise for each: the end of the transaction covers all of them. */
export function put(table: IDBObjectStore, writes: readonly Write[]): void {
  for (const { key, value } of writes) {
    if (value === null) table.delete([...key])
    else table.put(value, [...key])
  }
}

/** Puts many rows in their places. In between the page has its turn. */
export async function putInTurns(table: IDBObjectStore, writes: readonly Write[]): Promise<void> {
  for (let at = 0; at < writes.length; at += bounds.commitTaskRows) {
    if (at > 0) await pause(table)
    aborting(table.transaction, () => put(table, writes.slice(at, at + bounds.commitTaskRows)))
  }
}

/** Lets the page have its turn in the middle of a transaction. A request for a key that no row has keeps it open. */
export function pause(table: IDBObjectStore): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = table.getKey([])
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}

/** The value of a row if it is bytes. Any other value was not written by this store. */
export function bytesOrNothing(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
