/**
 * What the store in IndexedDB must do besides: how it commits, and what it says of what goes wrong.
 */
import { openDB } from 'idb'
import { expect, test } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb/indexeddb-store.ts'
import { bounds } from '../../src/core/bounds.ts'
import type { Store } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeStore } from './store.ts'

const opened = async (name: string): Promise<Store> => (await openIndexedDbStore(name, systemClock, () => {})).store
const row = ['meta', '', 'a'] as const

export function describeIndexedDbStore(): void {
  describeStore(opened)

  test('a request that fails says why, and is not taken for a connection that was lost', async () => {
    const store = await opened(`failing ${Math.random()}`)
    const write = () =>
      store.transact([], 'relaxed', () => ({
        writes: [{ key: ['meta', '', 'a'] as const, value: Uint8Array.of(1) }],
        result: undefined,
      }))
    await write()
    const { put } = IDBObjectStore.prototype
    let attempts = 0
    // A row that is there already cannot be added: as where a quota shows at the request, the error comes before the commit.
    IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
      attempts += 1
      return this.add(value, key)
    }
    try {
      const cause = expect.objectContaining({ name: 'ConstraintError' })
      await expect(write()).rejects.toMatchObject({ name: 'StoreFailure', reason: 'failed', cause })
      expect(attempts).toBe(1)
    } finally {
      IDBObjectStore.prototype.put = put
    }
    await write()
    await store.close()
  })

  /** A commit of large rows, which go to their places at once. */
  const writing = (store: Store, from: number, rows: number, decided: () => void) => {
    const keys = Array.from({ length: rows }, (_, index) => ['meta', '', `${from + index}`] as const)
    const value = new Uint8Array(bounds.logRowBytes)
    return store.transact(keys, 'relaxed', () => {
      decided()
      return { writes: keys.map((key) => ({ key, value })), result: undefined }
    })
  }

  test('the page has its turn in the middle of a commit of many rows: between two decisions, and while they are put in their places', async () => {
    const store = await opened(`turns ${Math.random()}`)
    const { put } = IDBObjectStore.prototype
    const seen: string[] = []
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => seen.push('turn')
    const done = (what: string) => {
      if (seen.at(-1) !== what) seen.push(what)
      port2.postMessage(null)
    }
    IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
      if (Array.isArray(key) && key[2] === '0') done('first row')
      if (Array.isArray(key) && key[2] === `${2 * bounds.commitTaskRows - 1}`) done('last row')
      return put.call(this, value, key)
    }
    try {
      const half = bounds.commitTaskRows
      await Promise.all([0, half].map((from) => writing(store, from, half, () => done(`decided from ${from}`))))
    } finally {
      IDBObjectStore.prototype.put = put
    }
    const steps = ['decided from 0', `decided from ${bounds.commitTaskRows}`, 'first row', 'last row']
    expect(seen.filter((step) => step !== 'turn')).toEqual(steps)
    const isBefore = (step: string) => seen[seen.indexOf(step) - 1] === 'turn'
    expect(steps.map(isBefore)).toEqual([false, true, false, true])
    await store.close()
  })

  test('of many rows a request that fails says why, though others are cancelled for it', async () => {
    const store = await opened(`failing in between ${Math.random()}`)
    await writing(store, 0, 1, () => {})
    const { put } = IDBObjectStore.prototype
    IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
      return this.add(value, key)
    }
    try {
      const cause = expect.objectContaining({ name: 'ConstraintError' })
      const failing = writing(store, 0, 2 * bounds.commitTaskRows, () => {})
      await expect(failing).rejects.toMatchObject({ name: 'StoreFailure', reason: 'failed', cause })
    } finally {
      IDBObjectStore.prototype.put = put
    }
    await store.close()
  })

  /** The transactions that complete from now on, by their durability. */
  function completed(): { readonly seen: IDBTransactionDurability[]; readonly end: () => void } {
    const { transaction } = IDBDatabase.prototype
    const seen: IDBTransactionDurability[] = []
    IDBDatabase.prototype.transaction = function (...how: Parameters<IDBDatabase['transaction']>) {
      const begun = transaction.apply(this, how)
      if (begun.mode === 'readwrite') begun.addEventListener('complete', () => seen.push(begun.durability))
      return begun
    }
    return {
      seen,
      end: () => {
        IDBDatabase.prototype.transaction = transaction
      },
    }
  }

  test('a row that goes to a file is flushed with its own commit, which is decided again for that the first time', async () => {
    const store = await opened(`files ${Math.random()}`)
    const { seen, end } = completed()
    let decided = 0
    const write = (bytes: number) =>
      store.transact([], 'relaxed', () => {
        decided += 1
        return { writes: [{ key: row, value: new Uint8Array(bytes) }], result: undefined }
      })
    const large = bounds.rowFileBytes + 1
    try {
      await write(1)
      await write(large)
      expect(seen).toEqual(['relaxed', 'strict'])
      expect(decided).toBe(3)
      expect((await store.read([row]))[0]?.length).toBe(large)
      await write(large)
      expect(decided).toBe(4)
      await write(1)
      await write(1)
      expect(seen).toEqual(['relaxed', 'strict', 'strict', 'strict', 'relaxed'])
    } finally {
      end()
    }
    await store.close()
  })

  test('a newer build has the database at once, and what is asked of an older one then fails and says why', async () => {
    const name = `upgraded ${Math.random()}`
    const store = await opened(name)
    await store.transact([row], 'relaxed', () => ({
      writes: [{ key: row, value: Uint8Array.of(1) }],
      result: undefined,
    }))
    const newer = await openDB(name, 1_000, { blocked: () => expect.unreachable('the older build holds it up') })
    const refused = { name: 'StoreFailure', reason: 'failed', message: expect.stringContaining('newer build') }
    await expect(store.read([row])).rejects.toMatchObject(refused)
    await expect(store.transact([row], 'relaxed', () => ({ writes: [], result: 1 }))).rejects.toMatchObject(refused)
    expect(newer.objectStoreNames.length).toBe(2)
    newer.close()
    await store.close()
  })

  test('an older build that holds the database up is named when the time to open it is over', async () => {
    const name = `held ${Math.random()}`
    const older = await openDB(name, 1, { upgrade: (database) => void database.createObjectStore('rows') })
    const hasty = { ...systemClock, after: (ms: number, task: () => void) => systemClock.after(ms / 20, task) }
    await expect(openIndexedDbStore(name, hasty, () => {})).rejects.toMatchObject({
      name: 'StoreFailure',
      reason: 'failed',
      message: expect.stringContaining('older build'),
    })
    older.close()
    const store = await opened(name)
    expect(await store.read([row])).toEqual([undefined])
    await store.close()
  })
}
