/**
 * A disk with the database of the browser's store on it, seen as rows: what is in its place, and what stands in for it in the log. Read
 * without the code that writes it, so that this says what is there and not what that code takes it for.
 */
import { ByteReader } from '../../src/core/wire/bytes.ts'
import { MemoryDisk } from '../../src/memory/memory-store.ts'
import { type Row, type RowKey, rowName, type Table, type Write } from '../../src/ports.ts'
import {
  type Cell,
  type Change,
  type Commit,
  type DatabaseData,
  FakeDisk,
  lostFile,
  TableData,
} from '../indexeddb/disk.ts'
import { sortable } from '../indexeddb/keys.ts'
import type { Counters } from './counters.ts'
import type { RarePath } from './rare-paths.ts'
import { type Disk, takesRoom } from './sim-store.ts'

/** What the database is called on each disk. */
export const databaseName = 'tabring'

/** Chromium keeps what takes more than this in files, which no later flush covers. */
const fileBytes = 65_536

/** The version in which the store leaves its database. */
const schemaVersion = 4

/** Rows as they were, and the database that held them. */
class Snapshot extends Map<string, Row> {
  readonly databases: ReadonlyMap<string, DatabaseData>

  constructor(rows: ReadonlyMap<string, Row>, databases: ReadonlyMap<string, DatabaseData>) {
    super(rows)
    this.databases = databases
  }
}

/** What is in an entry of the log, by the names of the rows. */
function writesIn({ value }: Cell): ReadonlyMap<string, Write> {
  const reader = new ByteReader(value instanceof Uint8Array ? value : new Uint8Array(0))
  const writes = reader.list((): Write => {
    const text = () => reader.text(reader.remaining)
    const key: RowKey = [text() as Table, text(), text()]
    return { key, value: reader.byte() === 0 ? null : reader.bytes(reader.remaining).slice() }
  })
  return new Map(writes.map((write) => [rowName(write.key), write]))
}

type Entries = ReadonlyMap<string, ReadonlyMap<string, Write>>

/** The last entry that has a row says what is in it. */
function lastIn(entries: Entries, name: string): Write | undefined {
  const [last] = [...entries].filter(([, writes]) => writes.has(name)).sort(([a], [b]) => (a < b ? 1 : -1))
  return last?.[1].get(name)
}

const bytesIn = ({ value }: Cell): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array(0))

export class BrowserDisk implements Disk {
  readonly fake = new FakeDisk()
  readonly rows = new MemoryDisk()
  isBroken = false
  /** How many rows of data fit on it. */
  rowsMax: () => number = () => Number.POSITIVE_INFINITY
  /** How often each row has changed. */
  readonly changes = new Map<string, number>()
  readonly #counters: Counters
  readonly #places = new Map<string, Cell>()
  readonly #entries = new Map<string, ReadonlyMap<string, Write>>()
  /** Rows that a power cut takes although they were flushed since: they were not when they were written. */
  readonly #unflushedFiles = new Set<string>()

  constructor(counters: Counters) {
    this.#counters = counters
    this.fake.changed = (commit, durability) => this.#changed(commit, durability)
    this.fake.hasRoom = (changes) => !Number.isFinite(this.rowsMax()) || this.#sizeWith(changes)
  }

  get #tables(): ReadonlyMap<string, TableData> {
    return this.fake.databases.get(databaseName)?.tables ?? new Map()
  }

  #changed(commit: Commit, durability: 'relaxed' | 'strict'): void {
    if (commit.upgraded !== undefined) {
      this.#readAll()
      return
    }
    const touched = new Set<string>()
    for (const { table, name, before, after } of commit.changes) {
      const cell = this.#tables.get(table)?.cells.get(name)
      if (table === 'log') {
        if (before !== undefined && after === undefined) this.#saw('entry of a log settled')
        this.#entry(name, cell, touched)
        continue
      }
      const row = rowName((after ?? before)?.key as never)
      this.#place(row, cell, touched)
      const isFile = durability === 'relaxed' && cell !== undefined && bytesIn(cell).length > fileBytes
      if (isFile) this.#unflushedFiles.add(row)
      else this.#unflushedFiles.delete(row)
    }
    for (const name of touched) this.#show(name)
  }

  #saw(path: RarePath): void {
    this.#counters.count(`path: ${path}`)
  }

  /** A boot opens its database. */
  begun(): void {
    if (this.#entries.size > 0) this.#saw('boot began with rows in its log')
  }

  #entry(name: string, cell: Cell | undefined, touched: Set<string>): void {
    const writes = cell === undefined ? undefined : writesIn(cell)
    for (const row of this.#entries.get(name)?.keys() ?? []) touched.add(row)
    for (const row of writes?.keys() ?? []) touched.add(row)
    if (writes === undefined) this.#entries.delete(name)
    else this.#entries.set(name, writes)
  }

  #place(row: string, cell: Cell | undefined, touched: Set<string>): void {
    touched.add(row)
    if (cell === undefined) this.#places.delete(row)
    else this.#places.set(row, cell)
  }

  #show(name: string): void {
    const place = this.#places.get(name)
    const write = lastIn(this.#entries, name)
    const key = write?.key ?? (place?.key as RowKey | undefined)
    const value = write === undefined ? place && bytesIn(place) : write.value
    this.changes.set(name, (this.changes.get(name) ?? 0) + 1)
    if (value === undefined || value === null || key === undefined) this.rows.delete(name)
    else this.rows.set(name, { key, value })
  }

  #readAll(): void {
    const touched = new Set(this.rows.keys())
    this.#places.clear()
    this.#entries.clear()
    for (const cell of this.#tables.get('rows')?.cells.values() ?? [])
      this.#place(rowName(cell.key as never), cell, touched)
    for (const [name, cell] of this.#tables.get('log')?.cells ?? []) this.#entry(name, cell, touched)
    for (const name of touched) this.#show(name)
  }

  /** Whether rows that take room are no more than fit, or no more than there are. */
  #sizeWith(changes: readonly Change[]): boolean {
    const held = new Set([...this.rows].flatMap(([name, { key }]) => (takesRoom(key) ? [name] : [])))
    const size = held.size
    const note = (key: RowKey, isThere: boolean) => {
      if (!takesRoom(key)) return
      if (isThere) held.add(rowName(key))
      else held.delete(rowName(key))
    }
    for (const { table, before, after } of changes) {
      if (table === 'rows') note((after ?? before)?.key as RowKey, after !== undefined)
      else if (after !== undefined) for (const { key, value } of writesIn(after).values()) note(key, value !== null)
    }
    return held.size <= Math.max(size, this.rowsMax())
  }

  loseSuffix(count: number): number {
    const entriesBefore = this.#entries.size
    const lost = this.fake.loseSuffix(count)
    if (this.#entries.size < entriesBefore) this.#saw('entry of a log lost to a power cut')
    for (const row of this.#unflushedFiles) this.loseFile(row)
    this.#unflushedFiles.clear()
    return lost
  }

  /** All is gone, while its tab has it open. */
  evict(): void {
    this.fake.evict()
    this.#unflushedFiles.clear()
    this.#readAll()
  }

  wipe(): void {
    this.restore(new Map())
  }

  snapshot(): ReadonlyMap<string, Row> {
    return new Snapshot(this.rows, this.fake.copy())
  }

  /** The disk as it was at a snapshot. */
  restore(rows: ReadonlyMap<string, Row>): void {
    this.fake.restore(rows instanceof Snapshot ? rows.databases : databasesOf(rows))
    this.#unflushedFiles.clear()
    this.#readAll()
  }

  /** A row cannot be read any more, wherever it is kept. */
  loseFile(name: string): void {
    this.#put(name, lostFile)
  }

  replace(name: string, { value }: Row): void {
    this.#put(name, value)
  }

  #put(name: string, value: unknown): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    const cell = { key: place.key, value }
    this.#tables.get('rows')?.set(sortable(cell.key), cell)
    this.#places.set(name, cell)
    this.#show(name)
  }

  durable(name: string): Row | undefined {
    const { unflushed } = this.fake
    if (this.#unflushedFiles.has(name) || unflushed.some(({ upgraded }) => upgraded !== undefined)) return undefined
    const changes = unflushed.flatMap((commit) => commit.changes)
    const entries = new Map(this.#entries)
    for (const change of changes.filter(({ table }) => table === 'log').toReversed()) {
      if (change.before === undefined) entries.delete(change.name)
      else entries.set(change.name, writesIn(change.before))
    }
    const write = lastIn(entries, name)
    if (write !== undefined) return write.value === null ? undefined : { key: write.key, value: write.value }
    const isOf = ({ table, before, after }: Change) =>
      table === 'rows' && rowName((before ?? after)?.key as RowKey) === name
    const changed = changes.find(isOf)
    const cell = changed === undefined ? this.#places.get(name) : changed.before
    return cell === undefined ? undefined : { key: cell.key as unknown as RowKey, value: bytesIn(cell) }
  }
}

/** A database in which all rows are in their places; none where there are no rows. */
function databasesOf(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, DatabaseData> {
  if (rows.size === 0) return new Map()
  const table = new TableData(null)
  for (const row of rows.values()) table.set(sortable(row.key), row)
  const tables = new Map([
    ['rows', table],
    ['log', new TableData(1)],
  ])
  return new Map([[databaseName, { version: schemaVersion, tables }]])
}
