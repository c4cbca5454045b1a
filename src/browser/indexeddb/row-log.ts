/**
 * Row log: a write-ahead log for the rows of large commits (not in the paper).
 *
 * A request to IndexedDB costs as much as some thousand bytes. In Chromium 156, 10,000 rows of 160 bytes take ten times
 * as long as the same bytes in a hundred rows. So a commit of many small rows is written as a few entries of the log.
 * Its rows are moved to their places later, in quiet moments. Until then this class keeps them in memory, and they
 * stand in for the rows in their places.
 */
import type { IDBPObjectStore } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { compareText, firstFrom } from '../../core/ids.ts'
import { type ByteReader, ByteWriter, decodeWith } from '../../core/wire/bytes.ts'
import { type Row, type RowKey, rowName, type Table, type Write } from '../../ports.ts'
import { bytesOrNothing } from './requests.ts'

type Entries = Pick<IDBPObjectStore, 'getAll' | 'getAllKeys'>

/** Rows that were committed together, and are not all in their places yet. */
interface Entry {
  readonly writes: readonly Write[]
  readonly bytes: number
  /**
   * The number of its first rows that are in their places already. They stay in the entry: a new start would place them
   * once more.
   */
  placed: number
}

/** The rows to put in their places next. */
interface Due {
  readonly writes: readonly Write[]
  /** The last entry that is completely placed then; null if there is none. */
  readonly through: number | null
  /** The entry after it, and the number of its first rows that are in their places then. */
  readonly begun: { readonly entry: Entry; readonly placed: number } | null
}

/** The common beginning of the names of all rows whose keys begin with `first`. */
const prefixOf = (first: readonly string[]): string => [...first, ''].join('\u0000')
const groupOf = ([table, group]: RowKey): string => prefixOf([table, group])

/** Bytes of a row, at most: a character takes up to three. */
const bytesOf = ({ key: [, group, name], value }: Write): number =>
  20 + 3 * (group.length + name.length) + (value?.length ?? 0)
const sizeOf = (writes: readonly Write[]): number => writes.reduce((sum, write) => sum + bytesOf(write), 0)

export class RowLog {
  /** By number in the database: the entries, oldest first. */
  readonly #entries = new Map<number, Entry>()
  /** By name: the logged row, and the last entry that wrote it. */
  readonly #rows = new Map<string, { readonly write: Write; readonly order: number }>()
  /** By table and group: the names of their logged rows. `sorted`: the same in order, once a scan has asked for it. */
  readonly #groups = new Map<string, { readonly names: Set<string>; sorted: readonly string[] | null }>()
  #bytes = 0
  /**
   * Commits with an unknown end, which may have changed the stored log. `#doubtsSettled`: those before it was last
   * read.
   */
  #doubts = 0
  #doubtsSettled = 0
  readonly #rowsMin: number

  /** Commits of fewer rows than `rowsMin` go to their places at once. */
  constructor(rowsMin: number) {
    this.#rowsMin = rowsMin
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  get isDoubtful(): boolean {
    return this.#doubts > this.#doubtsSettled
  }

  /** A commit has failed, or seems so. Its end is unknown until the log is read again. */
  doubt(): void {
    this.#doubts += 1
  }

  /** The logged value of a row: null if it was deleted, undefined if the log does not have it. */
  valueOf(key: RowKey): Uint8Array | null | undefined {
    return this.#rows.get(rowName(key))?.write.value
  }

  /**
   * Makes sure, within a transaction, that this log equals the one in the database. They differ if another page had the
   * database too, or if the end of a commit is unknown.
   */
  async follow(entries: Entries): Promise<void> {
    const doubts = this.#doubts
    const orders = (await entries.getAllKeys()) as number[]
    const known = [...this.#entries.keys()]
    const isKnown = orders.length === known.length && orders.every((order, index) => order === known[index])
    if (!isKnown) await this.#readAgain(entries, orders)
    this.#doubtsSettled = doubts
  }

  async #readAgain(entries: Entries, orders: readonly number[]): Promise<void> {
    const found: unknown[] = []
    for (let at = 0; at < orders.length; at += bounds.logEntriesRead) {
      const range = IDBKeyRange.bound(orders[at], orders[Math.min(at + bounds.logEntriesRead, orders.length) - 1])
      found.push(...(await entries.getAll(range)))
    }
    this.clear()
    for (const [index, order] of orders.entries()) this.added(order, writesIn(found[index]))
  }

  clear(): void {
    this.#entries.clear()
    this.#rows.clear()
    this.#groups.clear()
    this.#bytes = 0
  }

  /** True if as much again would fit. */
  get hasRoom(): boolean {
    return this.#bytes < bounds.logBytesMax / 2 && this.#entries.size < bounds.logEntriesMax / 2
  }

  /**
   * True if the log is far too large. Rows that are written again and again make it so: a write must not overtake a
   * logged one.
   */
  get isOverfull(): boolean {
    return this.#bytes > 2 * bounds.logBytesMax || this.#entries.size > bounds.logEntriesMax
  }

  /**
   * Divides a commit into entries for the log and rows that go to their places at once. A row that is in the log stays
   * behind its logged writes.
   */
  share(writes: readonly Write[]): {
    readonly logged: readonly (readonly Write[])[]
    readonly direct: readonly Write[]
  } {
    const values = writes.filter(({ value }) => value !== null).length
    const bytes = sizeOf(writes)
    const isWorthIt = values >= this.#rowsMin && bytes <= values * bounds.logRowBytes
    if (isWorthIt && this.#bytes + bytes <= bounds.logBytesMax) return { logged: entriesOf(writes), direct: [] }
    const stands = ({ key }: Write) => this.#rows.has(rowName(key))
    return { logged: entriesOf(writes.filter(stands)), direct: writes.filter((write) => !stands(write)) }
  }

  /** An entry is in the database. */
  added(order: number, writes: readonly Write[]): void {
    if (this.#entries.has(order)) return
    const bytes = sizeOf(writes)
    this.#entries.set(order, { writes, bytes, placed: 0 })
    this.#bytes += bytes
    for (const write of writes) {
      const [name, group] = [rowName(write.key), groupOf(write.key)]
      this.#rows.set(name, { write, order })
      const known = this.#groups.get(group) ?? { names: new Set(), sorted: null }
      known.names.add(name)
      known.sorted = null
      this.#groups.set(group, known)
    }
  }

  /** The oldest rows, `count` at most. Rows that a later entry wrote again are left out. */
  oldest(count: number): Due {
    const writes: Write[] = []
    let through: number | null = null
    for (const [order, entry] of this.#entries) {
      let { placed } = entry
      for (; placed < entry.writes.length && writes.length < count; placed += 1) {
        const write = entry.writes[placed] as Write
        if (this.#rows.get(rowName(write.key))?.order === order) writes.push(write)
      }
      if (placed < entry.writes.length) return { writes, through, begun: { entry, placed } }
      through = order
    }
    return { writes, through, begun: null }
  }

  /** These rows are in their places, and completely placed entries are deleted. */
  settled({ through, begun }: Due): void {
    if (begun !== null) begun.entry.placed = begun.placed
    for (const [order, entry] of this.#entries) {
      if (through === null || order > through) break
      this.#entries.delete(order)
      this.#bytes -= entry.bytes
      for (const { key } of entry.writes) if (this.#rows.get(rowName(key))?.order === order) this.#forget(key)
    }
  }

  #forget(key: RowKey): void {
    const group = this.#groups.get(groupOf(key))
    this.#rows.delete(rowName(key))
    group?.names.delete(rowName(key))
    if (group !== undefined) group.sorted = null
    if (group?.names.size === 0) this.#groups.delete(groupOf(key))
  }

  /** The first `limit` logged rows, in order, whose keys begin with `first` and come after `after`. */
  within(first: readonly string[], after: RowKey | undefined, limit: number): readonly Write[] {
    const prefix = prefixOf(first)
    // No text lies between a text and the same text with a NUL.
    const from = after === undefined ? '' : `${rowName(after)}\u0000`
    const groups = [...this.#groups].filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => compareText(a, b))
    const found: Write[] = []
    for (const [, group] of groups) {
      group.sorted ??= [...group.names].sort(compareText)
      const start = firstFrom(group.sorted, from)
      const names = group.sorted.slice(start, start + limit - found.length)
      found.push(...names.flatMap((name) => this.#rows.get(name)?.write ?? []))
      if (found.length >= limit) break
    }
    return found
  }
}

/**
 * Divides rows into entries that a database keeps with its other rows. A browser may keep a large entry in a file,
 * which no later flush covers.
 */
function entriesOf(writes: readonly Write[]): readonly (readonly Write[])[] {
  const entries: Write[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const write of writes) {
    const size = bytesOf(write)
    if (bytes + size > bounds.logEntryBytes) {
      entries.push([])
      bytes = 0
    }
    entries.at(-1)?.push(write)
    bytes += size
  }
  return entries
}

/** An entry as it is stored, in one piece. Storing its rows as objects takes some ten times as long. */
export function packed(writes: readonly Write[]): Uint8Array {
  const writer = new ByteWriter()
  writer.list(writes, ({ key, value }) => {
    for (const part of key) writer.text(part)
    writer.byte(value === null ? 0 : 1)
    if (value !== null) writer.bytes(value)
  })
  return writer.done()
}

/** The rows of an entry. A value that is no entry was not written by this store. */
function writesIn(entry: unknown): readonly Write[] {
  const readWrite = (reader: ByteReader): Write => {
    const text = () => reader.text(reader.remaining)
    const key: RowKey = [text() as Table, text(), text()]
    return { key, value: reader.byte() === 0 ? null : reader.bytes(reader.remaining) }
  }
  const writes = decodeWith(bytesOrNothing(entry) ?? new Uint8Array(0), (reader) =>
    reader.list(() => readWrite(reader)),
  )
  return writes ?? []
}

/**
 * Merges a page of placed rows with the logged rows of the same range, up to `limit` of each. A logged row replaces the
 * placed one. `last`: the end of the merged rows, if there may be more.
 */
export function merged(
  page: readonly Row[],
  logged: readonly Write[],
  limit: number,
): { readonly rows: readonly Row[]; readonly last: RowKey | undefined } {
  // A full list may go on beyond its last row, so rows after that are not merged yet.
  const ends = [page, logged].filter((some) => some.length >= limit).map((some) => some.at(-1)?.key)
  const last = ends.reduce(
    (a, b) => (a === undefined || (b !== undefined && rowName(b) < rowName(a)) ? b : a),
    undefined,
  )
  if (logged.length === 0) return { rows: page, last }
  const found = new Map<string, Write>()
  for (const write of [...page, ...logged]) found.set(rowName(write.key), write)
  const known = [...found].filter(([name]) => last === undefined || name <= rowName(last))
  const sorted = known.sort(([a], [b]) => compareText(a, b))
  const rows = sorted.flatMap(([, { key, value }]) => (value === null ? [] : [{ key, value }]))
  return { rows, last }
}
