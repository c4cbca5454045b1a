/**
 * A disk that alters what it was given, in a real browser: scrubbing finds it and another replica restores it.
 */
import { expect } from '@playwright/test'
import { test } from './world.ts'

const count = 30

/**
 * Lets the page's database say, for each row of a record, what it holds; `alter` turns over a bit of so many of them
 * first. When a row was written, its last two bytes, and the checksum that covers it, its first 32, are left out: what
 * is fetched again is written again.
 */
async function recordsIn(alter: number): Promise<Record<string, string>> {
  const opened = (name: string) =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name)
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const databases = await Promise.all((await indexedDB.databases()).map(({ name = '' }) => opened(name)))
  const database = databases.find(({ objectStoreNames }) => objectStoreNames.contains('rows'))
  if (database === undefined) throw new Error('the node has a database')
  const store = database.transaction('rows', 'readwrite').objectStore('rows')
  const found: Record<string, string> = {}
  await new Promise<void>((resolve) => {
    const cursor = store.openCursor(IDBKeyRange.bound(['record'], ['record', []]))
    let altered = 0
    cursor.onsuccess = () => {
      const row = cursor.result
      if (row === null) {
        resolve()
        return
      }
      const value = row.value as Uint8Array
      if (altered < alter) {
        value[value.length - 3] = (value[value.length - 3] ?? 0) ^ 1
        row.update(value)
        altered += 1
      }
      found[String(row.key)] = String(value.subarray(32, -2))
      row.continue()
    }
  })
  for (const each of databases) each.close()
  return found
}

test('a record whose bytes were altered in IndexedDB is found by the scrub and restored from a replica', async ({
  world,
  engine,
}) => {
  const ring = await world.ring([engine, engine], { cluster: 'rot', n: 2 })
  const [first, second] = ring
  if (first === undefined || second === undefined) throw new Error('a ring of two has two members')
  await first.run(async (node, keys) => {
    for (let index = 0; index < keys; index += 1) await node.put(`key ${index}`, null, `value ${index}`)
  }, count)
  await expect.poll(() => second.run((node) => node.status().records, null)).toBe(count)
  const before = await second.page.evaluate(recordsIn, 0)
  const altered = await second.page.evaluate(recordsIn, 3)
  expect(Object.keys(before).filter((key) => before[key] !== altered[key])).toHaveLength(3)
  const repaired = await second.run((node) => node.repair(), null)
  expect(repaired).toMatchObject({ peers: 1, failed: 0, scrubbed: 3 })
  await expect.poll(() => second.page.evaluate(recordsIn, 0)).toEqual(before)
  const values = await second.run(async (node, keys) => {
    const all = Array.from({ length: keys }, (_, index) => node.get(`key ${index}`, { r: 1 }))
    return (await Promise.all(all)).map((result) => result.values[0])
  }, count)
  expect(values).toEqual(Array.from({ length: count }, (_, index) => `value ${index}`))
  const events = await second.page.evaluate(() => (window as unknown as { harness: { events: object } }).harness.events)
  expect(events).toMatchObject({ 'data-loss': 3 })
})

test('large values whose files are gone from the disk are fetched from a replica, and keep nothing else back', async ({
  world,
  engine,
}) => {
  const options = { cluster: 'files', n: 2 }
  const ring = await world.ring([engine, engine], options)
  const [first, second] = ring
  if (first === undefined || second === undefined) throw new Error('a ring of two has two members')
  const large = { chromium: 200_000, firefox: 900_000 }[engine]
  await first.run(async (node, bytes) => {
    for (let index = 0; index < 4; index += 1) {
      // What repeats is compressed, and stays in the database.
      const value = new Uint8Array(bytes)
      for (let at = 0; at < bytes; at += 50_000) crypto.getRandomValues(value.subarray(at, at + 50_000))
      await node.put(`large ${index}`, null, value, { w: 2 })
      await node.put(`small ${index}`, null, index, { w: 2 })
    }
  }, large)
  await second.stop()
  expect(await second.loseFiles()).toBeGreaterThanOrEqual(4)
  // What was missed is brought in step all the same.
  await first.run((node) => node.put('large 0', null, 'another', { w: 1 }), null)
  await second.start()
  await second.open({ ...options, signaling: world.signaling.url })
  await second.joined(2)
  const repaired = await second.run((node) => node.repair(), null)
  expect(repaired).toMatchObject({ peers: 1, failed: 0 })
  const read = (name: string) =>
    second.run(async (node, key) => {
      const { values } = await node.get(key, { r: 1 })
      return values.map((value) => (value instanceof Uint8Array ? value.length : value))
    }, name)
  for (const index of [1, 2, 3]) {
    expect(await read(`large ${index}`)).toEqual([large])
    expect(await read(`small ${index}`)).toEqual([index])
  }
  expect((await read('large 0')).toSorted()).toEqual(['another', large].toSorted())
})
