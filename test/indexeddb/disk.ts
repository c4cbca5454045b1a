/**
 * What a fake IndexedDB has on its disk. Transactions change it in place and know how to undo what they did; what is committed and
 * not flushed is known too, since a power cut takes it back: the last commits first, each as a whole.
 */
import { type FakeKeyRange, type Key, placeOf } from './keys.ts'

export interface Cell {
  readonly key: Key
  readonly value: unknown
}

/** A value that the browser kept in a file of its own, which is gone. */
export const lostFile = Symbol('a lost file')

/** One change of one cell of an object store. */
export interface Change {
  readonly table: string
  readonly name: string
  readonly before: Cell | undefined
  readonly after: Cell | undefined
}

/** What is in an object store, in the order of its keys. */
export class TableData {
  readonly cells = new Map<string, Cell>()
  readonly #names: string[] = []
  /** The next key that it makes itself; null where it makes none. */
  nextKey: number | null

  constructor(nextKey: number | null) {
    this.nextKey = nextKey
  }

  set(name: string, cell: Cell | undefined): void {
    const isThere = this.cells.has(name)
    if (isThere !== (cell !== undefined)) {
      const at = placeOf(this.#names, name)
      if (isThere) this.#names.splice(at, 1)
      else this.#names.splice(at, 0, name)
    }
    if (cell === undefined) this.cells.delete(name)
    else this.cells.set(name, cell)
  }

  /** The names within a range, up to so many. */
  within(range: FakeKeyRange, limit: number = Number.POSITIVE_INFINITY): readonly string[] {
    const [from, to] = range.within(this.#names)
    return this.#names.slice(from, Math.min(to, from + limit))
  }

  copy(): TableData {
    const copy = new TableData(this.nextKey)
    for (const name of this.#names) copy.set(name, this.cells.get(name))
    return copy
  }
}

/** A transaction that may come to nothing. */
interface Running {
  undo(): void
  undoIn(databases: Map<string, DatabaseData>): void
}

export interface DatabaseData {
  version: number
  readonly tables: Map<string, TableData>
}

/** What one transaction did. */
export interface Commit {
  readonly database: string
  readonly changes: readonly Change[]
  /** The keys that object stores would have made next, before it. */
  readonly nextKeys: ReadonlyMap<string, number | null>
  /** The whole database as it was, where object stores came or went; null where it was not there. */
  readonly upgraded?: { readonly from: DatabaseData | null }
}

export const copyOf = ({ version, tables }: DatabaseData): DatabaseData => ({
  version,
  tables: new Map([...tables].map(([name, table]) => [name, table.copy()])),
})

/** Commits that an operating system has not written out yet, at most. */
const unflushedMax = 20

export class FakeDisk {
  readonly databases = new Map<string, DatabaseData>()
  readonly #unflushed: Commit[] = []
  /** Transactions that have changed something and are not committed. */
  readonly running = new Set<Running>()
  /** Connections that are open, and some that were. */
  readonly connections = new Set<{ forceClose(): void }>()
  /** Hears of every commit, and of every one that is taken back. */
  changed: (commit: Commit, durability: 'relaxed' | 'strict') => void = () => {}
  /** Whether these changes fit on it, beside what is there without them. */
  hasRoom: (changes: readonly Change[]) => boolean = () => true

  get unflushed(): readonly Commit[] {
    return this.#unflushed
  }

  /** What a transaction has changed is there from now on. A strict one that writes is flushed, and all before it. */
  commit(commit: Commit, durability: 'relaxed' | 'strict'): void {
    if (commit.changes.length === 0 && commit.upgraded === undefined) return
    if (durability === 'strict') this.#unflushed.length = 0
    else this.#unflushed.push(commit)
    if (this.#unflushed.length > unflushedMax) this.#unflushed.shift()
    this.changed(commit, durability)
  }

  /** A power cut: the last commits that were not flushed never happened. Returns how many. */
  loseSuffix(count: number): number {
    this.#undoRunning()
    const lost = this.#unflushed.splice(Math.max(0, this.#unflushed.length - count)).reverse()
    for (const commit of lost) {
      const { database, upgraded } = commit
      if (upgraded === undefined) undo(commit, this.databases)
      else if (upgraded.from === null) this.databases.delete(database)
      else this.databases.set(database, upgraded.from)
      this.changed(commit, 'strict')
    }
    return lost.length
  }

  /** What is committed. */
  copy(): ReadonlyMap<string, DatabaseData> {
    const copy = new Map([...this.databases].map(([name, data]) => [name, copyOf(data)]))
    for (const running of this.running) running.undoIn(copy)
    return copy
  }

  #undoRunning(): void {
    for (const running of [...this.running]) running.undo()
  }

  /** The browser takes everything away, also from under those who have it open. */
  evict(): void {
    for (const connection of this.connections) connection.forceClose()
    this.connections.clear()
    this.restore(new Map())
  }

  /** Everything is as it was in a copy. */
  restore(databases: ReadonlyMap<string, DatabaseData>): void {
    this.#undoRunning()
    this.databases.clear()
    for (const [name, data] of databases) this.databases.set(name, copyOf(data))
    this.#unflushed.length = 0
  }
}

/** Takes back what a transaction did to cells. */
export function undo({ database, changes, nextKeys }: Commit, databases: ReadonlyMap<string, DatabaseData>): void {
  const tables = databases.get(database)?.tables
  for (const { table, name, before } of changes.toReversed()) tables?.get(table)?.set(name, before)
  for (const [name, nextKey] of nextKeys) {
    const table = tables?.get(name)
    if (table !== undefined) table.nextKey = nextKey
  }
}
