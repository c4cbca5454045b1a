/**
 * What is asked of IndexedDB, and what it answers.
 */
import { bounds } from '../core/bounds.ts'
import type { Write } from '../ports.ts'

/** What goes wrong before the requests are made leaves nothing of them. */
export function aborting<T>(transaction: { abort(): void }, work: () => T): T {
  try {
    return work()
  } catch (error) {
    transaction.abort()
    throw error
  }
}

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

/** Lets the page have its turn in the middle of a transaction, which a request keeps open: nothing has a key without names. */
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
