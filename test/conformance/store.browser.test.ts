import { describe, expect, test } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb-store.ts'
import type { Store } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeStore } from './store.ts'

const opened = async (name: string): Promise<Store> => (await openIndexedDbStore(name, systemClock, () => {})).store

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
})
