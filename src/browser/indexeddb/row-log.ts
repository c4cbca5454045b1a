/**
 * Rows of large commits, until each is in its place: a write-ahead log. A request to IndexedDB costs as much as some
 * thousand bytes (Chromium 156: 10,000 rows of 160 bytes take ten times as long as the same bytes in a hundred rows),
 * so a commit of many small rows is written as a few entries of the log, and its rows are moved to their places when
 * there is time. Until then they are known here, and stand in for what is in their places.
 */
import type { IDBPObjectStore } from 'idb'
import { bounds } from '../../core/bounds.ts'
import { compareText, firstFrom } from '../../core/ids.ts'
import { type ByteReader, ByteWriter, decodeWith } from '../../core/wire/bytes.ts'
import { type Row, type RowKey, rowName, type Table, type Write } from '../../ports.ts'
import { bytesOrNothing } from './requests.ts'

type Entries = Pick<IDBPObjectStore, 'getAll' | 'getAllKeys'>

/** What was committed together, and is not all in its place yet. */
interface Entry {
  readonly writes: readonly Write[]
  readonly bytes: number
  /**
   * So many of its first rows are in their places already. They stand here all the same: a start would put them there
   * once more.
   */
  placed: number
}

/** What is to be put in its place next. */
interface Due {
  readonly writes: readonly Write[]
  /** The last entry of which nothing is left then; null if there is none. */
  readonly through: number | null
  /** The entry after it, and how many of its first rows are in their places then. */
  readonly begun: { readonly entry: Entry; readonly placed: number } | null
}

/** What the names of rows begin with whose keys begin with `first`. */
const prefixOf = (first: readonly string[]): string => [...first, ''].join('\u0000')
const groupOf = ([table, group]: RowKey): string => prefixOf([table, group])

/** What a row takes, at most: a character is up to three bytes. */
const bytesOf = ({ key: [, group, name], value }: Write): number =>
  20 + 3 * (group.length + name.length) + (value?.length ?? 0)
const sizeOf = (writes: readonly Write[]): number => writes.reduce((sum, write) => sum + bytesOf(write), 0)

export class RowLog {
  /** By their number in the database, oldest first. */
  readonly #entries = new Map<number, Entry>()
  /** What stands in for each row, and the entry it is in: the last one that wrote it. */
  readonly #rows = new Map<string, { readonly write: Write; readonly order: number }>()
  /** Their names, by what those of a group of a table begin with; in order where somebody has asked for it. */
  readonly #groups = new Map<string, { readonly names: Set<string>; sorted: readonly string[] | null }>()
  #bytes = 0
  /** Commits that may have changed the one in the database unheard, and how many of them it has been read after. */
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

  /** A commit has failed, or has not: until the log is read again nobody knows. */
  doubt(): void {
    this.#doubts += 1
  }

  /** What stands in for a row: null where it was deleted, undefined where it is in its place. */
  valueOf(key: RowKey): Uint8Array | null | undefined {
    return this.#rows.get(rowName(key))?.write.value
  }

  /**
   * Sees to it that the log is the one in the database, within a transaction: it is not where another page had the
   * database too, or nobody heard how a commit had ended.
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

  /** Whether there is room for as much again. */
  get hasRoom(): boolean {
    return this.#bytes < bounds.logBytesMax / 2 && this.#entries.size < bounds.logEntriesMax / 2
  }

  /**
   * Whether it has grown far beyond its bounds: by rows that are written again and again, for those must not overtake
   * each other.
   */
  get isOverfull(): boolean {
    return this.#bytes > 2 * bounds.logBytesMax || this.#entries.size > bounds.logEntriesMax
  }

  /**
   * What of a commit is to be logged, by entries, and what goes to its place at once. What stands here already must
   * not be overtaken.
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

  /** The oldest rows, so many of them. What was written once more since is left out. */
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

  /** These are in their places, and entries of which nothing is left are gone. */
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

  /** What stands here of the rows whose keys begin with `first` and come after `after`: the first of them, in order. */
  within(first: readonly string[], after: RowKey | undefined, limit: number): readonly Write[] {
    const prefix = prefixOf(first)
    // Nothing is between a text and the same with a NUL.
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

/** Entries that a database keeps with its other rows: large ones it may keep in files, which no later flush covers. */
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

/** An entry as it is stored. In one piece: to store its rows as objects takes some ten times as long. */
export function packed(writes: readonly Write[]): Uint8Array {
  const writer = new ByteWriter()
  writer.list(writes, ({ key, value }) => {
    for (const part of key) writer.text(part)
    writer.byte(value === null ? 0 : 1)
    if (value !== null) writer.bytes(value)
  })
  return writer.done()
}

/** What is in an entry; anything else was not written by us. */
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
 * The next rows in their places, up to `limit` of them, with those that stand in for them, as many. `last`: where
 * they end, if there may be more.
 */
export function merged(
  page: readonly Row[],
  logged: readonly Write[],
  limit: number,
): { readonly rows: readonly Row[]; readonly last: RowKey | undefined } {
  // Beyond the end of either nothing is known of what it has besides.
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
