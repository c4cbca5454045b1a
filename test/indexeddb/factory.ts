/**
 * `indexedDB`, faked: databases on fake disks, used by tabs that may be frozen or end, on whatever time they run (`Tab`).
 *
 * It has what the browser's store uses of the Indexed Database API 3.0, and no more. `test/conformance` holds it against real browsers.
 */
import { FakeDatabase, SharedDatabase } from './database.ts'
import type { FakeDisk } from './disk.ts'
import { FakeEvent } from './events.ts'
import { FakeKeyRange } from './keys.ts'
import { FakeObjectStore } from './object-store.ts'
import { smooth, type Tab } from './tab.ts'
import { FakeOpenRequest, FakeRequest, FakeTransaction } from './transaction.ts'

/** Who opens a database of that name, on which disk, and what it is called there. */
export type Whereabouts = (name: string) => { readonly tab: Tab; readonly disk: FakeDisk; readonly database: string }

/** One call to open or delete. */
interface Call {
  readonly tab: Tab
  readonly shared: SharedDatabase
  readonly request: FakeOpenRequest
  readonly name: string
  readonly done: () => void
}

class FakeFactory {
  readonly #whereabouts: Whereabouts
  readonly #databases = new WeakMap<FakeDisk, Map<string, SharedDatabase>>()

  constructor(whereabouts: Whereabouts) {
    this.#whereabouts = whereabouts
  }

  #call(name: string, begin: (call: Call) => void): FakeOpenRequest {
    const { tab, disk, database } = this.#whereabouts(name)
    const request = new FakeOpenRequest()
    const known = this.#databases.get(disk) ?? new Map<string, SharedDatabase>()
    this.#databases.set(disk, known)
    const shared = known.get(database) ?? new SharedDatabase(disk, database)
    known.set(database, shared)
    const { delayMs, refusal } = tab.opening()
    if (delayMs === null) return request
    tab.post(delayMs, () =>
      shared.line(tab, (done) => {
        const call = { tab, shared, request, name, done }
        if (refusal === null) begin(call)
        else refuse(call, refusal)
      }),
    )
    return request
  }

  open(name: string, version?: number): FakeOpenRequest {
    return this.#call(name, (call) => {
      const { data } = call.shared
      const wanted = version ?? Math.max(1, data.version)
      if (wanted < data.version) refuse(call, 'VersionError')
      else if (wanted === data.version) connect(call, wanted)
      else alone(call, wanted, () => upgrade(call, wanted))
    })
  }

  deleteDatabase(name: string): FakeOpenRequest {
    return this.#call(name, (call) =>
      alone(call, null, () => {
        const { shared, request } = call
        const { disk, name: database } = shared
        const from = disk.databases.get(database) ?? null
        disk.databases.delete(database)
        disk.commit({ database, changes: [], nextKeys: new Map(), upgraded: { from } }, 'strict')
        request.settled(undefined, null)
        request.dispatch(new FakeEvent('success', request, false, [from?.version ?? 0, null]))
        call.done()
      }),
    )
  }
}

/** Asks other connections to close, says so where they do not, and goes on when they have. */
function alone({ tab, shared, request }: Call, version: number | null, then: () => void): void {
  const versions = [shared.data.version, version] as const
  for (const other of shared.open.filter(({ isClosed }) => !isClosed))
    other.tab.post(0, () => {
      if (!other.isClosed) other.dispatch(new FakeEvent('versionchange', other, false, versions))
    })
  // Behind the tasks of all others.
  tab.post(0, () => {
    const isBlocked = shared.open.some(({ isClosed }) => !isClosed)
    if (isBlocked) request.dispatch(new FakeEvent('blocked', request, false, versions))
    shared.whenFree(() => tab.post(0, then))
  })
}

function upgrade(call: Call, version: number): void {
  const { tab, shared, request, name } = call
  const { data } = shared
  const from = data.version
  const connection = new FakeDatabase(tab, shared, name, version)
  const transaction = new FakeTransaction(connection, [...data.tables.keys()], 'versionchange', 'default', smooth)
  shared.opened(connection)
  data.version = version
  connection.upgrade = transaction
  request.settled(connection, null)
  request.transaction = transaction
  transaction.addEventListener('complete', () => {
    connection.upgrade = null
    request.transaction = null
    if (connection.isClosed) refuse(call, 'AbortError')
    else succeed(call)
  })
  transaction.addEventListener('abort', () => {
    connection.upgrade = null
    connection.close()
    refuse(call, 'AbortError')
  })
  request.dispatch(new FakeEvent('upgradeneeded', request, false, [from, version]))
  shared.begin(transaction)
}

function connect(call: Call, version: number): void {
  const { tab, shared, request, name } = call
  const connection = new FakeDatabase(tab, shared, name, version)
  shared.opened(connection)
  request.settled(connection, null)
  succeed(call)
}

function succeed({ tab, request, done }: Call): void {
  tab.post(0, () => {
    request.dispatch(new FakeEvent('success', request))
    done()
  })
}

function refuse({ tab, request, done }: Call, name: string): void {
  request.settled(undefined, new DOMException('it was not opened', name))
  tab.post(0, () => {
    request.dispatch(new FakeEvent('error', request, true))
    done()
  })
}

/** Not used by anybody here, and looked for by `idb`. */
class FakeCursor {}
class FakeIndex {}

/** Puts a fake in the place of the browser's IndexedDB. */
export function installFake(whereabouts: Whereabouts): void {
  Object.assign(globalThis, {
    indexedDB: new FakeFactory(whereabouts),
    IDBCursor: FakeCursor,
    IDBDatabase: FakeDatabase,
    IDBIndex: FakeIndex,
    IDBKeyRange: FakeKeyRange,
    IDBObjectStore: FakeObjectStore,
    IDBRequest: FakeRequest,
    IDBTransaction: FakeTransaction,
  })
}
