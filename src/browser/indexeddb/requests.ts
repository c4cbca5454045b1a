/**
 * What is asked of IndexedDB, and what it answers.
 */
import { type IDBPDatabase, type IDBPObjectStore, type IDBPTransaction, unwrap } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { type Durability, StoreFailure, type Write } from '../../ports.ts'

const [rows, log] = ['rows', 'log']

interface Begun<Mode extends 'readonly' | 'readwrite'> {
  readonly transaction: IDBPTransaction<unknown, string[], Mode>
  readonly table: IDBPObjectStore<unknown, string[], string, Mode>
  readonly entries: IDBPObjectStore<unknown, string[], string, Mode>
  /** Resolves when it is complete, after `work`; rejects with the first thing that went wrong in it. */
  done(work?: Promise<void>): Promise<void>
}

export function createTables(database: IDBPDatabase): void {
  database.createObjectStore(rows)
  database.createObjectStore(log, { autoIncrement: true })
}

/**
 * A transaction over all there is. What goes wrong shows at the requests, and to whoever waits for its end: a full
 * disk may show at a request or at the commit, and the first error is the one that says so.
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
    // What is cancelled because the transaction aborts says nothing of why it does.
    if (error?.name !== 'AbortError') first ??= error ?? undefined
  }
  // On its way to the request: before the transaction itself hears of it.
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

/** What went wrong, for whoever asked. */
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

/** What goes wrong before the requests are made leaves nothing of them. */
export function aborting<T>(transaction: { abort(): void }, work: () => T): T {
  try {
    return work()
  } catch (error) {
    transaction.abort()
    throw error
  }
}

/** Whether a browser may keep a row in a file of its own. */
export const goesToFile = ({ value }: Write): boolean => (value?.length ?? 0) > bounds.rowFileBytes

/** Puts rows in their places, without a promise for each: the transaction's own end says how all of them ended. */
export function put(table: IDBObjectStore, writes: readonly Write[]): void {
  for (const { key, value } of writes) {
    if (value === null) table.delete([...key])
    else table.put(value, [...key])
  }
}

/** The same of many rows: in between the page has its turn. */
export async function putInTurns(table: IDBObjectStore, writes: readonly Write[]): Promise<void> {
  for (let at = 0; at < writes.length; at += bounds.commitTaskRows) {
    if (at > 0) await pause(table)
    aborting(table.transaction, () => put(table, writes.slice(at, at + bounds.commitTaskRows)))
  }
}

/**
 * Lets the page have its turn in the middle of a transaction, which a request keeps open: nothing has a key without
 * names.
 */
export function pause(table: IDBObjectStore): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = table.getKey([])
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}

/** What is in a row, if it is bytes; anything else was not written by us. */
export function bytesOrNothing(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
