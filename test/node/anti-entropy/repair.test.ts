/**
 * Disks that alter or forget what they were given: scrubbing finds it, and the other replicas give it back.
 */

import { afterEach, describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../../src/memory/memory-store.ts'
import { handleRequest } from '../../../src/node/request-handler.ts'
import { partsOf, type StorageNode } from '../../../src/node/storage-node.ts'
import { type MemoryPlace, memoryRing } from '../memory-ring.ts'
import { keyNamed } from '../replica-fixture.ts'

const count = 40
let nodes: readonly StorageNode[] = []

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()))
})

/** Three nodes that all hold `count` keys, and the disk of the second. */
async function threeReplicas(): Promise<MemoryPlace> {
  const ring = await memoryRing(3, () => new MemoryDisk())
  nodes = ring.map(({ node }) => node)
  const [first, second] = ring as [MemoryPlace, MemoryPlace]
  for (let index = 0; index < count; index += 1) await first.node.put(`key ${index}`, null, `value ${index}`)
  await expect.poll(() => nodes.every((node) => node.status().records === count)).toBe(true)
  return second
}

const recordsOn = (disk: MemoryDisk) => [...disk].filter(([, { key }]) => key[0] === 'record')

/** Turns over one bit near the end of a record: in its value. */
function alter(disk: MemoryDisk, records: number): void {
  for (const [place, { key, value }] of recordsOn(disk).slice(0, records)) {
    const altered = value.slice()
    altered[altered.length - 2] = (altered.at(-2) ?? 0) ^ 1
    disk.set(place, { key, value: altered })
  }
}

describe('a disk', () => {
  test('that altered and forgot records is put right by a repair, which says what it did', async () => {
    const { node, disk } = await threeReplicas()
    const losses: string[] = []
    node.on('data-loss', ({ reason }) => losses.push(reason))
    const progress: number[] = []
    node.on('exchange', ({ moved, total }) => progress.push(moved / total))
    alter(disk, 3)
    for (const [place] of recordsOn(disk).slice(-2)) disk.delete(place)
    const repaired = await node.repair()
    expect(repaired).toMatchObject({ peers: 2, failed: 0, scrubbed: 5 })
    await expect.poll(() => node.status().records).toBe(count)
    expect(losses).toEqual(['corrupt', 'corrupt', 'corrupt'])
    expect(progress.at(-1) ?? 1).toBe(1)
    expect(node.status().repair).toMatchObject({ scrubbed: 5 })
    // A peer may begin an exchange at the same moment: its log counts what that one moves.
    const moved = () => nodes.reduce((sum, each) => sum + each.status().repair.keys, 0)
    await expect.poll(moved).toBeGreaterThanOrEqual(5)
    expect(await node.repair()).toMatchObject({ scrubbed: 0, keys: 0 })
  })

  test('that forgot records which two others give back at once is in step, and says so, though each moved but some', async () => {
    const { node, disk } = await threeReplicas()
    const last = new Map<string, number>()
    node.on('exchange', ({ peer, moved, total }) => last.set(peer, moved / total))
    for (const [place] of recordsOn(disk)) disk.delete(place)
    expect(await Promise.all(nodes.map((each) => each.repair()))).toMatchObject([
      { failed: 0 },
      { failed: 0 },
      { failed: 0 },
    ])
    await expect.poll(() => node.status().records).toBe(count)
    await expect.poll(() => [...last.values()].every((share) => share === 1)).toBe(true)
    expect(last.size).toBeGreaterThan(0)
  })

  test.each(['altered', 'forgot'] as const)('that %s a record makes its node answer for it as nobody', async (how) => {
    const { node, disk } = await threeReplicas()
    const answerFor = async (index: number) => {
      const reply = await handleRequest(partsOf(node), node.id, { type: 'get', key: keyNamed(`key ${index}`) })
      return reply.type === 'record' ? reply.counts : reply.type
    }
    await expect.poll(() => answerFor(0)).toBe('as owner')
    if (how === 'altered') alter(disk, count)
    else for (const [place] of recordsOn(disk)) disk.delete(place)
    expect(await answerFor(0)).toBe('as nobody')
  })

  test('that altered a record never has it read: the other replicas answer, and the read repairs it', async () => {
    const { node, disk } = await threeReplicas()
    alter(disk, count)
    for (let index = 0; index < count; index += 1)
      expect((await node.get(`key ${index}`)).values).toEqual([`value ${index}`])
    const healthy = () => recordsOn(disk).length
    await expect.poll(async () => (await node.repair()).scrubbed).toBe(0)
    expect(healthy()).toBe(count)
  })
})
