/**
 * What an owner keeps for an owner that is away: its own record, once, and nothing besides.
 */
import { afterEach, expect, test } from 'vitest'
import { MemoryDisk } from '../../../src/memory/memory-store.ts'
import type { Row } from '../../../src/ports.ts'
import { type MemoryPlace, memoryRing } from '../memory-ring.ts'

/** Counts what is written of records and hints, by table. */
class CountingDisk extends MemoryDisk {
  readonly written = { record: 0, hint: 0, owed: 0 }

  override set(name: string, row: Row): this {
    const [table] = row.key
    if (table === 'record' || table === 'hint' || table === 'owed') this.written[table] += 1
    return super.set(name, row)
  }
}

const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
type Place = MemoryPlace<CountingDisk>
let places: readonly Place[] = []

afterEach(async () => {
  await Promise.all(places.map(({ node }) => node.close()))
})

const rowsOn = (disk: MemoryDisk, table: string) => [...disk.values()].filter(({ key }) => key[0] === table).length

for (const how of ['asleep', 'closed'] as const) {
  test(`in a ring of three with one ${how} each put is one row at each of the others, and no hint, and the third has it when it is back`, async () => {
    places = await memoryRing(3, () => new CountingDisk())
    const [first, second, third] = places as readonly [Place, Place, Place]
    if (how === 'asleep') third.suspend()
    else await third.node.close()
    await expect.poll(() => first.node.status().reachable).toBe(2)
    await expect.poll(() => second.node.status().reachable).toBe(2)
    for (const key of keys)
      expect(await first.node.put(key, null, key)).toMatchObject({ acks: 2, quorum: true, hinted: 0 })
    for (const { disk, node } of [first, second]) {
      expect(['record', 'hint', 'owed'].map((table) => rowsOn(disk, table))).toEqual([keys.length, 0, 0])
      expect(disk.written).toEqual({ record: keys.length, hint: 0, owed: 0 })
      expect(node.status()).toMatchObject({ records: keys.length, hints: 0 })
    }
    if (how === 'asleep') third.resume()
    else await third.reopen()
    await expect.poll(() => third.node.status().records, { timeout: 20_000 }).toBe(keys.length)
    expect(rowsOn(third.disk, 'record')).toBe(keys.length)
    for (const { disk } of places) expect([rowsOn(disk, 'hint'), rowsOn(disk, 'owed')]).toEqual([0, 0])
    await expect.poll(async () => (await third.node.get(keys[0] ?? '', { r: 3 })).replies).toBe(3)
  })
}
