/**
 * Row reader: many rows with few requests (not in the paper).
 *
 * A request to IndexedDB costs several times as much as a further row of the same request. In Chromium 156, 10,000
 * `get` take about five times as long as the same rows by `getAll`. They take hardly less if there are no rows. So rows
 * that lie close together are read in one sweep.
 */
import type { IDBPDatabase, IDBPObjectStore } from 'idb'
import { type RowKey, rowName, type Table, type Write } from '../../ports.ts'
import { begin } from './requests.ts'

type Rows = Pick<IDBPObjectStore, 'get' | 'getAll' | 'getAllKeys'>

/** Fewer rows than this are read one by one. */
const sweepRowsMin = 8

export class RowReader {
  /**
   * Names of rows that exist and cannot be read; null until a read has failed. Browsers keep large values in files, and
   * a power cut or a cleaner may take those. From then on each row is read alone, since a sweep may include an
   * unreadable one.
   */
  #unreadable: Set<string> | null = null

  /**
   * Reads the values at these keys, by row name. Keys without a row are left out. An unreadable row fails the call and
   * its transaction (Chromium 156: `NotReadableError`; Firefox 150: `UnknownError`). The next call reads it as no
   * bytes.
   *
   * @example
   * const found = await reader.valuesAt(database, keys)
   * const values = keys.map((key) => found.get(rowName(key)))
   */
  async valuesAt(
    database: IDBPDatabase,
    keys: readonly RowKey[],
    rows: Rows = begin(database, 'readonly').table,
  ): Promise<ReadonlyMap<string, unknown>> {
    const wanted = new Map(keys.map((key) => [rowName(key), key]))
    // In the order of code units, as in IndexedDB.
    const sorted = [...wanted.keys()].sort().map((name) => wanted.get(name) as RowKey)
    const found = new Map<string, unknown>()
    try {
      if (this.#unreadable === null) await readTables(rows, sorted, found)
      else await this.#readAlone(rows, sorted, found, this.#unreadable)
      return found
    } catch (error) {
      this.#unreadable ??= new Set()
      for (const key of sorted) await this.#probe(database, key, this.#unreadable)
      throw error
    }
  }

  /** Tries to read one row, in a transaction of its own. A later write of that row is also reported later. */
  async #probe(database: IDBPDatabase, key: RowKey, unreadable: Set<string>): Promise<void> {
    const { table } = begin(database, 'readonly')
    const isThere = (await table.getKey([...key])) !== undefined
    if (isThere) await table.get([...key]).catch(() => unreadable.add(rowName(key)))
  }

  async #readAlone(
    rows: Rows,
    keys: readonly RowKey[],
    found: Map<string, unknown>,
    unreadable: ReadonlySet<string>,
  ): Promise<void> {
    const isReadable = (key: RowKey) => !unreadable.has(rowName(key))
    for (const key of keys) if (!isReadable(key)) found.set(rowName(key), new Uint8Array(0))
    await readEach(rows, keys.filter(isReadable), found)
  }

  /** These rows are in their places by now, so they can be read. */
  placed(writes: readonly Write[]): void {
    for (const { key } of writes) this.#unreadable?.delete(rowName(key))
  }
}

async function readTables(rows: Rows, sorted: readonly RowKey[], found: Map<string, unknown>): Promise<void> {
  const tables = new Set(sorted.map(([table]) => table))
  const ofTable = (wantedTable: Table) => sorted.filter(([table]) => table === wantedTable)
  await Promise.all([...tables].map((table) => readTable(rows, ofTable(table), found)))
}

/** Reads rows of one table, in order. */
async function readTable(rows: Rows, keys: readonly RowKey[], found: Map<string, unknown>): Promise<void> {
  const [first, last] = [keys[0], keys.at(-1)]
  if (first === undefined || last === undefined || keys.length < sweepRowsMin) return readEach(rows, keys, found)
  const range = IDBKeyRange.bound([...first], [...last])
  // The keys come first, and not many more than asked for: values may be large.
  const limit = 2 * keys.length
  const there = (await rows.getAllKeys(range, limit + 1)) as unknown as readonly RowKey[]
  if (there.length > limit) return readEach(rows, keys, found)
  const names = new Set(there.map(rowName))
  const present = keys.filter((key) => names.has(rowName(key)))
  if (present.length < sweepRowsMin || 2 * present.length < there.length) return readEach(rows, present, found)
  const values = await rows.getAll(range, there.length)
  for (const [index, key] of there.entries()) found.set(rowName(key), values[index])
}

async function readEach(rows: Rows, keys: readonly RowKey[], found: Map<string, unknown>): Promise<void> {
  const values = await Promise.all(keys.map((key) => rows.get([...key])))
  for (const [index, key] of keys.entries()) if (values[index] !== undefined) found.set(rowName(key), values[index])
}
