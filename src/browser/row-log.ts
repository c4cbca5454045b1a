/**
 * Rows of large commits, until each is in its place: a write-ahead log. A request to IndexedDB costs as much as some thousand bytes
 * (Chromium 156: 10,000 rows of 160 bytes take ten times as long as the same bytes in a hundred rows), so a commit of many small rows
 * is written as one entry of the log, and its rows are moved to their places when there is time. Until then they are known here, and
 * stand in for what is in their places.
 */
import type { IDBPObjectStore } from 'idb'
import { bounds } from '../core/bounds.ts'
import { compareText } from '../core/ids.ts'
import { type Row, type RowKey, rowName, type Write } from '../ports.ts'

type Entries = Pick<IDBPObjectStore, 'getAll' | 'getAllKeys'>

/** What was committed together, and is not in its place yet. */
interface Entry {
  readonly writes: readonly Write[]
  readonly bytes: number
}

/** Between the parts of a row's name. */
const nul = '\u0000'

/** Roughly what a row takes besides its value. */
const keyBytes = 128

const sizeOf = (writes: readonly Write[]): number =>
  writes.reduce((sum, { value }) => sum + keyBytes + (value?.length ?? 0), 0)

export class RowLog {
  /** By their number in the database, oldest first. */
  readonly #entries = new Map<number, Entry>()
  /** What stands in for each row, and the entry it is in: the last one that wrote it. */
  readonly #rows = new Map<string, { readonly write: Write; readonly order: number }>()
  #bytes = 0
  /** The names of the rows, in order; worked out when it is asked for. */
  #names: readonly string[] | undefined

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  /** What stands in for a row: null where it was deleted, undefined where it is in its place. */
  valueOf(key: RowKey): Uint8Array | null | undefined {
    const value = this.#rows.get(rowName(key))?.write.value
    // As from the database: nobody else has it.
    return value?.slice() ?? value
  }

  /**
   * Sees to it that the log is the one in the database, within a transaction: it is not where another page had the database too, or
   * nobody heard how a commit had ended.
   */
  async follow(entries: Entries): Promise<void> {
    const orders = (await entries.getAllKeys()) as number[]
    const known = [...this.#entries.keys()]
    if (orders.length === known.length && orders.every((order, index) => order === known[index])) return
    const found: unknown[] = []
    for (let at = 0; at < orders.length; at += bounds.logEntriesRead) {
      const range = IDBKeyRange.bound(orders[at], orders[Math.min(at + bounds.logEntriesRead, orders.length) - 1])
      found.push(...(await entries.getAll(range)))
    }
    this.clear()
    // Anything else was not written by us.
    for (const [index, order] of orders.entries()) this.added(order, Array.isArray(found[index]) ? found[index] : [])
  }

  clear(): void {
    this.#entries.clear()
    this.#rows.clear()
    this.#bytes = 0
    this.#names = undefined
  }

  /** What of a commit is to be logged, and what goes to its place at once. What stands here already must not be overtaken. */
  share(writes: readonly Write[]): { readonly logged: readonly Write[]; readonly direct: readonly Write[] } {
    const values = writes.filter(({ value }) => value !== null).length
    const bytes = sizeOf(writes)
    const isWorthIt = values >= bounds.logRowsMin && bytes <= values * bounds.logRowBytes
    if (isWorthIt && this.#bytes + bytes <= bounds.logBytesMax) return { logged: writes, direct: [] }
    const stands = ({ key }: Write) => this.#rows.has(rowName(key))
    return { logged: writes.filter(stands), direct: writes.filter((write) => !stands(write)) }
  }

  /** An entry is in the database. */
  added(order: number, writes: readonly Write[]): void {
    if (this.#entries.has(order)) return
    const bytes = sizeOf(writes)
    this.#entries.set(order, { writes, bytes })
    this.#bytes += bytes
    for (const write of writes) this.#rows.set(rowName(write.key), { write, order })
    this.#names = undefined
  }

  /** The oldest entry, and what of it is to be put in its place: what was written once more since is not. */
  get oldest(): { readonly order: number; readonly writes: readonly Write[] } | null {
    for (const [order, { writes }] of this.#entries)
      return { order, writes: writes.filter(({ key }) => this.#rows.get(rowName(key))?.order === order) }
    return null
  }

  /** The rows of an entry are in their places, and it is gone. */
  settled(order: number): void {
    const entry = this.#entries.get(order)
    if (entry === undefined) return
    this.#entries.delete(order)
    this.#bytes -= entry.bytes
    for (const { key } of entry.writes)
      if (this.#rows.get(rowName(key))?.order === order) this.#rows.delete(rowName(key))
    this.#names = undefined
  }

  /** What stands here of the rows whose keys begin with `first` and come after `after`, in order. */
  within(first: readonly string[], after: RowKey | undefined): readonly Write[] {
    this.#names ??= [...this.#rows.keys()].sort(compareText)
    const prefix = [...first, ''].join(nul)
    const found: Write[] = []
    for (let at = this.#firstAfter(after === undefined ? prefix : rowName(after)); at < this.#names.length; at += 1) {
      const name = this.#names[at] ?? ''
      if (!name.startsWith(prefix)) break
      const row = this.#rows.get(name)
      if (row !== undefined) found.push({ key: row.write.key, value: row.write.value?.slice() ?? null })
    }
    return found
  }

  /** Where in the order the first name is that comes after `name`. */
  #firstAfter(name: string): number {
    const names = this.#names ?? []
    let low = 0
    let high = names.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareText(names[middle] ?? '', name) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Rows in their places from after `from` to `last`, or to the end, and those that stand in for them. */
export function merged(
  page: readonly Row[],
  logged: readonly Write[],
  from: RowKey | undefined,
  last: RowKey | undefined,
): readonly Row[] {
  if (logged.length === 0) return page
  const [lower, upper] = [from === undefined ? '' : rowName(from), last === undefined ? null : rowName(last)]
  const found = new Map<string, Write>(page.map((row) => [rowName(row.key), row]))
  for (const write of logged) {
    const name = rowName(write.key)
    if (name > lower && (upper === null || name <= upper)) found.set(name, write)
  }
  const sorted = [...found].sort(([a], [b]) => compareText(a, b))
  return sorted.flatMap(([, { key, value }]) => (value === null ? [] : [{ key, value }]))
}
