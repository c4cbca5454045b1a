import { openDB } from 'idb'
import { describe, expect, test } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb-store.ts'
import type { Store } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeStore } from './store.ts'

const opened = async (name: string): Promise<Store> => (await openIndexedDbStore(name, systemClock, () => {})).store
const row = ['meta', '', 'a'] as const

describe('the store in IndexedDB', () => {
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
})
