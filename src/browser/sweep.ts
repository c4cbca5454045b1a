/**
 * Reading many rows with few requests. A request to IndexedDB costs several times as much as a row that comes with another
 * one (Chromium 156: 10,000 `get` take about five times as long as the same rows by `getAll`, and hardly less where there is no
 * row), so rows that lie close together are read in one sweep.
 */
import type { IDBPObjectStore } from 'idb'
import { type RowKey, rowName, type Table } from '../ports.ts'

type Rows = Pick<IDBPObjectStore, 'get' | 'getAll' | 'getAllKeys'>

/** Fewer than this are asked for one by one. */
const sweepRowsMin = 8

/**
 * What is stored at these keys, by their names; keys without a row are left out.
 *
 * @example
 * const found = await valuesAt(transaction.store, keys)
 * const values = keys.map((key) => found.get(rowName(key)))
 */
export async function valuesAt(rows: Rows, keys: readonly RowKey[]): Promise<Map<string, unknown>> {
  const wanted = new Map(keys.map((key) => [rowName(key), key]))
  // By code units, as IndexedDB orders them too.
  const sorted = [...wanted.keys()].sort().map((name) => wanted.get(name) as RowKey)
  const found = new Map<string, unknown>()
  const tables = new Set(sorted.map(([table]) => table))
  const ofTable = (wantedTable: Table) => sorted.filter(([table]) => table === wantedTable)
  await Promise.all([...tables].map((table) => readTable(rows, ofTable(table), found)))
  return found
}

/** Reads rows of one table, in order. */
async function readTable(rows: Rows, keys: readonly RowKey[], found: Map<string, unknown>): Promise<void> {
  const [first, last] = [keys[0], keys.at(-1)]
  if (first === undefined || last === undefined || keys.length < sweepRowsMin) return readEach(rows, keys, found)
  const range = IDBKeyRange.bound([...first], [...last])
  // The keys first, and not many more than are asked for: values may be large.
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
