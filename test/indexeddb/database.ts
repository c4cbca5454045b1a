/**
 * Databases of a fake IndexedDB: what all connections to one share, and the connections.
 */
import { type DatabaseData, type FakeDisk, TableData } from './disk.ts'
import { FakeEvent, FakeEventTarget } from './events.ts'
import type { FakeObjectStore } from './object-store.ts'
import type { Tab } from './tab.ts'
import { FakeTransaction } from './transaction.ts'

interface Opening {
  readonly tab: Tab
  readonly run: (done: () => void) => void
}

/** One database on one disk. */
export class SharedDatabase {
  readonly disk: FakeDisk
  readonly name: string
  readonly #connections = new Set<FakeDatabase>()
  /** Those that are not over, in the order in which they were created. */
  #transactions: FakeTransaction[] = []
  /** Openings and deletions, one after the other; the first one is under way, unless its tab is gone. */
  #openings: Opening[] = []
  #current: Opening | undefined
  /** The one under way goes on so once no connection is open. */
  #whenFree: (() => void) | null = null

  constructor(disk: FakeDisk, name: string) {
    this.disk = disk
    this.name = name
  }

  get data(): DatabaseData {
    const found = this.disk.databases.get(this.name)
    if (found !== undefined) return found
    const empty = { version: 0, tables: new Map<string, TableData>() }
    this.disk.databases.set(this.name, empty)
    return empty
  }

  /** What tabs that are gone had begun never happened. */
  #bury(): void {
    for (const transaction of this.#transactions.filter(({ db }) => !db.tab.isAlive)) transaction.undo()
    this.#transactions = this.#transactions.filter(({ isOver }) => !isOver)
  }

  begin(transaction: FakeTransaction): void {
    this.#bury()
    this.#transactions.push(transaction)
    this.#pump()
  }

  #pump(): void {
    for (const [index, transaction] of this.#transactions.entries()) {
      const isFree = !this.#transactions.slice(0, index).some((other) => other.excludes(transaction))
      if (transaction.state === 'waiting' && isFree) transaction.start()
    }
  }

  ended(transaction: FakeTransaction): void {
    this.#transactions = this.#transactions.filter((other) => other !== transaction)
    this.#pump()
    this.hasClosed()
  }

  transactionsOf(connection: FakeDatabase): readonly FakeTransaction[] {
    return this.#transactions.filter(({ db }) => db === connection)
  }

  /** Opens or deletes when all before it are done; `run` is given what says that it is. */
  line(tab: Tab, run: (done: () => void) => void): void {
    this.#openings.push({ tab, run })
    this.#next()
  }

  #next(): void {
    this.#openings = this.#openings.filter(({ tab }) => tab.isAlive)
    const [first] = this.#openings
    if (first === undefined || first === this.#current) return
    this.#current = first
    this.#whenFree = null
    first.run(() => {
      this.#openings = this.#openings.filter((other) => other !== first)
      this.#next()
    })
  }

  opened(connection: FakeDatabase): void {
    const { open } = this
    for (const other of [...this.#connections].filter((each) => !open.includes(each))) {
      this.#connections.delete(other)
      this.disk.connections.delete(other)
    }
    this.#connections.add(connection)
    this.disk.connections.add(connection)
  }

  /** Connections that are still open: one that was closed is so until its transactions are over. */
  get open(): readonly FakeDatabase[] {
    this.#bury()
    return [...this.#connections].filter(
      (connection) => connection.tab.isAlive && !(connection.isClosed && this.transactionsOf(connection).length === 0),
    )
  }

  /** Calls `then` once no connection is open. */
  whenFree(then: () => void): void {
    this.#whenFree = then
    this.hasClosed()
  }

  hasClosed(): void {
    const then = this.#whenFree
    if (then === null || this.open.length > 0) return
    this.#whenFree = null
    then()
  }
}

/** `IDBDatabase`: a connection. */
export class FakeDatabase extends FakeEventTarget {
  readonly tab: Tab
  readonly shared: SharedDatabase
  readonly name: string
  readonly version: number
  onversionchange: unknown
  onclose: unknown
  isClosed = false
  /** Its upgrade, while that is under way. */
  upgrade: FakeTransaction | null = null

  constructor(tab: Tab, shared: SharedDatabase, name: string, version: number) {
    super()
    this.tab = tab
    this.shared = shared
    this.name = name
    this.version = version
  }

  get objectStoreNames(): readonly string[] {
    return [...this.shared.data.tables.keys()].sort()
  }

  transaction(
    scope: string | readonly string[],
    mode: IDBTransactionMode = 'readonly',
    options: { readonly durability?: IDBTransactionDurability } = {},
  ): FakeTransaction {
    if (this.isClosed || this.upgrade !== null) throw new DOMException('the connection is closed', 'InvalidStateError')
    const names = typeof scope === 'string' ? [scope] : scope
    const { tables } = this.shared.data
    if (!names.every((name) => tables.has(name))) throw new DOMException('no such object store', 'NotFoundError')
    const { durability = 'default' } = options
    const transaction = new FakeTransaction(this, names, mode, durability, this.tab.courseOf(mode))
    this.shared.begin(transaction)
    return transaction
  }

  createObjectStore(name: string, options: { readonly autoIncrement?: boolean } = {}): FakeObjectStore {
    const upgrade = this.#upgrading()
    this.shared.data.tables.set(name, new TableData(options.autoIncrement === true ? 1 : null))
    return upgrade.objectStore(name)
  }

  deleteObjectStore(name: string): void {
    this.#upgrading()
    if (!this.shared.data.tables.delete(name)) throw new DOMException(`there is no ${name}`, 'NotFoundError')
  }

  #upgrading(): FakeTransaction {
    if (this.upgrade === null) throw new DOMException('no upgrade is under way', 'InvalidStateError')
    return this.upgrade
  }

  /** Lets the transactions that are under way end, and takes no more. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.shared.hasClosed()
  }

  /** The browser closes it: what is under way is undone. */
  forceClose(): void {
    if (this.isClosed) return
    this.isClosed = true
    for (const transaction of this.shared.transactionsOf(this)) transaction.lost()
    this.tab.post(0, () => {
      this.dispatch(new FakeEvent('close', this))
      this.shared.hasClosed()
    })
  }
}
