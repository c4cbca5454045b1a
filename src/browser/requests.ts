/**
 * What is asked of IndexedDB, and what it answers.
 */
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

/** What is in a row, if it is bytes; anything else was not written by us. */
export function bytesOrNothing(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
