/**
 * Transactions of a fake IndexedDB, and the requests of which they are made (Indexed Database API 3.0, "Transactions"). Each request is
 * answered in a task of its own, since promises run between two of them; answers that nobody listens for are left out.
 */
import { type Change, copyOf, type DatabaseData, type FakeDisk, type TableData, undo } from './disk.ts'
import { FakeEvent, FakeEventTarget } from './events.ts'
import { FakeObjectStore } from './object-store.ts'
import type { Course, Tab } from './tab.ts'

/** What a transaction needs of the database that it belongs to. */
export interface Owner extends FakeEventTarget {
  readonly tab: Tab
  readonly shared: {
    readonly name: string
    readonly data: DatabaseData
    readonly disk: FakeDisk
    ended(transaction: FakeTransaction): void
  }
  forceClose(): void
}

export class FakeRequest extends FakeEventTarget {
  result: unknown
  error: DOMException | null = null
  transaction: FakeTransaction | null = null
  onsuccess: unknown
  onerror: unknown
  readyState: 'pending' | 'done' = 'pending'

  settled(result: unknown, error: DOMException | null): void {
    this.readyState = 'done'
    this.result = result
    this.error = error
  }
}

export class FakeOpenRequest extends FakeRequest {
  onblocked: unknown
  onupgradeneeded: unknown
}

const failureNamed = (name: string): DOMException => new DOMException('the fake lets this fail', name)

export class FakeTransaction extends FakeEventTarget {
  readonly db: Owner
  readonly mode: IDBTransactionMode
  readonly durability: IDBTransactionDurability
  readonly objectStoreNames: readonly string[]
  error: DOMException | null = null
  oncomplete: unknown
  onabort: unknown
  onerror: unknown
  state: 'waiting' | 'running' | 'committing' | 'finished' = 'waiting'
  readonly #course: Course
  readonly #queue: { readonly request: FakeRequest; readonly run: () => unknown }[] = []
  readonly #stores = new Map<string, FakeObjectStore>()
  readonly #changes: Change[] = []
  /** The keys that object stores would have made next, before it. */
  readonly #nextKeys = new Map<string, number | null>()
  /** The database before an upgrade, of which any object store may come and go. */
  readonly #before: DatabaseData | null
  #hasCommitted = false
  /** In which task it takes requests. */
  #task: number

  constructor(
    db: Owner,
    names: readonly string[],
    mode: IDBTransactionMode,
    durability: IDBTransactionDurability,
    course: Course,
  ) {
    super()
    this.db = db
    this.mode = mode
    this.durability = durability
    this.objectStoreNames = [...names].sort()
    this.#course = course
    this.#task = db.tab.task()
    this.#before = mode === 'versionchange' ? copyOf(db.shared.data) : null
    if (mode === 'versionchange') db.shared.disk.running.add(this)
  }

  /** Whether one of two has to wait for the other. */
  excludes(other: FakeTransaction): boolean {
    const isWriting = this.mode !== 'readonly' || other.mode !== 'readonly'
    return isWriting && this.objectStoreNames.some((name) => other.objectStoreNames.includes(name))
  }

  objectStore(name: string): FakeObjectStore {
    if (this.state === 'finished') throw new DOMException('the transaction is over', 'InvalidStateError')
    const isInScope = this.mode === 'versionchange' || this.objectStoreNames.includes(name)
    const table = this.db.shared.data.tables.get(name)
    if (!isInScope || table === undefined) throw new DOMException(`there is no ${name}`, 'NotFoundError')
    const store = this.#stores.get(name) ?? new FakeObjectStore(this, name)
    this.#stores.set(name, store)
    return store
  }

  /** Takes a request; `run` does it when its turn comes. */
  ask(run: () => unknown): FakeRequest {
    if (this.state === 'finished' || this.state === 'committing' || this.db.tab.task() !== this.#task)
      throw new DOMException('the transaction takes no requests now', 'TransactionInactiveError')
    const request = new FakeRequest()
    request.transaction = this
    this.#queue.push({ request, run })
    return request
  }

  table(name: string): TableData {
    const table = this.db.shared.data.tables.get(name)
    if (table === undefined) throw new DOMException(`there is no ${name}`, 'InvalidStateError')
    return table
  }

  /** Changes one cell. */
  change(change: Change): void {
    const table = this.table(change.table)
    if (!this.#nextKeys.has(change.table)) this.#nextKeys.set(change.table, table.nextKey)
    this.db.shared.disk.running.add(this)
    this.#changes.push(change)
    table.set(change.name, change.after)
    if (this.#course.fullAt === 'request' && !this.#hasRoom) throw failureNamed('QuotaExceededError')
  }

  get #hasRoom(): boolean {
    return this.db.shared.disk.hasRoom(this.#changes)
  }

  /** Its turn has come. */
  start(): void {
    this.state = 'running'
    this.db.tab.post(this.#course.startMs, () => {
      if (this.#course.failure?.when === 'before it') this.#fail(this.#course.failure.name)
      else this.#advance()
    })
  }

  #advance(): void {
    if (this.state === 'finished') return
    this.#task = this.db.tab.task()
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { request, run } = next
      this.#run(request, run)
      const isHeard = request.error !== null || [request, this, this.db].some((target) => target.hears('success'))
      if (!isHeard) continue
      this.#answer(request)
      if (this.isOver) return
      this.db.tab.post(0, () => this.#advance())
      return
    }
    this.#commit()
  }

  get isOver(): boolean {
    return this.state === 'finished'
  }

  #run(request: FakeRequest, run: () => unknown): void {
    try {
      request.settled(run(), null)
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
      request.settled(undefined, error)
    }
  }

  #answer(request: FakeRequest): void {
    const { error } = request
    const event = new FakeEvent(error === null ? 'success' : 'error', request, error !== null)
    request.dispatch(event, [this.db, this])
    if (error !== null && !event.defaultPrevented && !this.isOver) this.#end(error)
  }

  #commit(): void {
    this.state = 'committing'
    const { failure, wordMs } = this.#course
    const refused = failure?.when === 'at its commit' ? failure.name : this.#hasRoom ? null : 'QuotaExceededError'
    if (refused !== null) {
      this.#fail(refused)
      return
    }
    const { disk, name: database } = this.db.shared
    const upgraded =
      this.#before === null ? {} : { upgraded: { from: this.#before.version === 0 ? null : this.#before } }
    const durability = this.durability === 'strict' ? 'strict' : 'relaxed'
    this.#hasCommitted = true
    disk.running.delete(this)
    disk.commit({ database, changes: this.#changes, nextKeys: this.#nextKeys, ...upgraded }, durability)
    this.db.tab.post(wordMs, () => {
      if (this.isOver) return
      if (failure === null) this.#complete()
      else this.#fail(failure.name)
    })
  }

  #complete(): void {
    this.state = 'finished'
    this.dispatch(new FakeEvent('complete', this), [this.db])
    this.db.shared.ended(this)
  }

  /** The browser ends it. */
  #fail(name: string): void {
    this.#end(failureNamed(name))
    if (this.#course.failure?.closes === true) this.db.forceClose()
  }

  abort(): void {
    if (this.state === 'finished' || this.state === 'committing')
      throw new DOMException('the transaction is over', 'InvalidStateError')
    this.#end(null)
  }

  /** The connection was closed by the browser. */
  lost(): void {
    if (!this.isOver) this.#end(failureNamed('AbortError'))
  }

  /** Nothing of it has happened unless it was committed, without a word: its tab is gone. */
  undo(): void {
    this.state = 'finished'
    const { disk } = this.db.shared
    if (this.#hasCommitted || !disk.running.delete(this)) return
    this.undoIn(disk.databases)
  }

  undoIn(databases: Map<string, DatabaseData>): void {
    const { name: database } = this.db.shared
    if (this.#before === null) undo({ database, changes: this.#changes, nextKeys: this.#nextKeys }, databases)
    else databases.set(database, copyOf(this.#before))
  }

  #end(error: DOMException | null): void {
    this.undo()
    this.error = error
    const pending = this.#queue.splice(0)
    this.db.tab.post(0, () => {
      for (const { request } of pending) {
        request.settled(undefined, failureNamed('AbortError'))
        request.dispatch(new FakeEvent('error', request, true), [this.db, this])
      }
      this.dispatch(new FakeEvent('abort', this, true), [this.db])
      this.db.shared.ended(this)
    })
  }
}
