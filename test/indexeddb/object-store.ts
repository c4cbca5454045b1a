/**
 * Object stores of a fake IndexedDB, as far as they are used: keys are given, or numbered from one.
 */
import { type Cell, lostFile, type TableData } from './disk.ts'
import { FakeKeyRange, type Key, sortable } from './keys.ts'
import type { FakeRequest, FakeTransaction } from './transaction.ts'

/** What is stored is a copy, and so is what is read. */
const cloneOf = (value: unknown): unknown => (value instanceof Uint8Array ? value.slice() : structuredClone(value))

function valueIn(cell: Cell | undefined): unknown {
  if (cell?.value === lostFile) throw new DOMException('the file of this value is gone', 'NotReadableError')
  return cell === undefined ? undefined : cloneOf(cell.value)
}

export class FakeObjectStore {
  readonly transaction: FakeTransaction
  readonly name: string

  constructor(transaction: FakeTransaction, name: string) {
    this.transaction = transaction
    this.name = name
  }

  get #table(): TableData {
    return this.transaction.table(this.name)
  }

  #read(query: unknown, find: (range: FakeKeyRange, table: TableData) => unknown): FakeRequest {
    const range = FakeKeyRange.of(query)
    return this.transaction.ask(() => find(range, this.#table))
  }

  get(query: unknown): FakeRequest {
    return this.#read(query, (range, table) => valueIn(table.cells.get(table.within(range, 1)[0] ?? '')))
  }

  getKey(query: unknown): FakeRequest {
    return this.#read(query, (range, table) => table.cells.get(table.within(range, 1)[0] ?? '')?.key)
  }

  getAll(query?: unknown, count?: number): FakeRequest {
    return this.#read(query, (range, table) => table.within(range, count).map((name) => valueIn(table.cells.get(name))))
  }

  getAllKeys(query?: unknown, count?: number): FakeRequest {
    return this.#read(query, (range, table) => table.within(range, count).map((name) => table.cells.get(name)?.key))
  }

  count(query?: unknown): FakeRequest {
    return this.#read(query, (range, table) => table.within(range).length)
  }

  put(value: unknown, key?: unknown): FakeRequest {
    return this.#write(value, key, false)
  }

  add(value: unknown, key?: unknown): FakeRequest {
    return this.#write(value, key, true)
  }

  #write(value: unknown, given: unknown, isNew: boolean): FakeRequest {
    this.#assertWritable()
    const isNumbered = this.#table.nextKey !== null
    if (given === undefined && !isNumbered) throw new DOMException('there is no key', 'DataError')
    const known = given === undefined ? null : { key: structuredClone(given) as Key, name: sortable(given) }
    const stored = cloneOf(value)
    return this.transaction.ask(() => {
      const table = this.#table
      const key = known?.key ?? table.nextKey ?? 0
      const name = known?.name ?? sortable(key)
      const before = table.cells.get(name)
      if (isNew && before !== undefined) throw new DOMException('there is one already', 'ConstraintError')
      this.transaction.change({ table: this.name, name, before, after: { key, value: stored } })
      if (isNumbered && typeof key === 'number') table.nextKey = Math.max(table.nextKey ?? 0, Math.floor(key) + 1)
      return key
    })
  }

  delete(query: unknown): FakeRequest {
    this.#assertWritable()
    return this.#read(query, (range, table) => {
      for (const name of table.within(range))
        this.transaction.change({ table: this.name, name, before: table.cells.get(name), after: undefined })
    })
  }

  clear(): FakeRequest {
    return this.delete(undefined)
  }

  #assertWritable(): void {
    if (this.transaction.mode === 'readonly') throw new DOMException('this one only reads', 'ReadOnlyError')
  }
}
