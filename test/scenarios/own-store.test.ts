/**
 * A disk that hangs, the coordinator's own: no request takes longer than it was given, and each says what it knows.
 */
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/memory/memory-store.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { failingStore, keyWhere, openByHand } from './by-hand.ts'

async function ringWithBadDisk(nodes: number) {
  const ring = await virtualRing({ nodes })
  const disk = failingStore(memoryStore(), ring)
  const node = await openByHand(ring, disk.store)
  const others = ring.world.places.map(nodeOf)
  const timed = async <T>(work: Promise<T>) => {
    const startedAt = ring.clock.now
    let tookMs = 0
    const end = () => {
      tookMs = ring.clock.now - startedAt
    }
    work.then(end, end)
    const result = await ring.ahead(work.catch((error: unknown) => error as Error))
    return { result, tookMs }
  }
  return { ...ring, node, others, disk: disk.state, timed }
}

const timeoutMs = 500

test('a get of what others own is answered in time although the own disk hangs', async () => {
  const { node, others, disk, ahead, timed } = await ringWithBadDisk(5)
  const key = keyWhere(node, ({ owners }) => !owners.includes(node.id))
  await ahead((others[0] as StorageNode).put(key, null, 'v', { w: 3 }))
  disk.how = 'hangs'
  const { result, tookMs } = await timed(node.get(key, { timeoutMs, r: 3 }))
  expect(result).toMatchObject({ values: ['v'], quorum: true, replies: 3 })
  expect(tookMs).toBeLessThanOrEqual(timeoutMs)
})

test('a get of what the node owns itself is answered by the other owners', async () => {
  const { node, others, disk, ahead, timed } = await ringWithBadDisk(5)
  const key = keyWhere(node, ({ owners }) => owners.includes(node.id))
  await ahead((others[0] as StorageNode).put(key, null, 'v', { w: 3 }))
  disk.how = 'hangs'
  const { result, tookMs } = await timed(node.get(key, { timeoutMs }))
  expect(result).toMatchObject({ values: ['v'], quorum: true, replies: 2 })
  expect(tookMs).toBeLessThanOrEqual(timeoutMs)
})

test('a get that only the own disk could answer ends in time, and claims nothing', async () => {
  const ring = await ringWithBadDisk(2)
  for (const place of ring.world.places) ring.world.crash(place)
  ring.disk.how = 'hangs'
  const { result, tookMs } = await ring.timed(ring.node.get('k', { timeoutMs, r: 1 }))
  expect(result).toMatchObject({ values: [], quorum: false, replies: 0 })
  expect(tookMs).toBeLessThanOrEqual(timeoutMs)
})

test('what the own disk keeps for others is part of a get, however fast they answer', async () => {
  const { node, world, clock, disk, ahead } = await ringWithBadDisk(5)
  const key = keyWhere(node, ({ owners }) => !owners.includes(node.id))
  for (const place of world.places) world.crash(place)
  await clock.run(100)
  expect(await ahead(node.put(key, null, 'mine'))).toMatchObject({ quorum: false, acks: 1, hinted: 1 })
  disk.delayMs = 100
  for (const place of world.places) world.start(place)
  let values: readonly unknown[] = []
  for (let step = 0; step < 300 && values.length === 0; step += 1) {
    const got = await ahead(node.get(key, { timeoutMs: 5_000 }))
    if (got.quorum) values = got.values
    if (got.quorum && values.length === 0) break
    await clock.run(10)
  }
  expect(values).toEqual(['mine'])
})

test('a put that needs the own disk ends in time and says that its quorum is not there', async () => {
  const { node, disk, timed } = await ringWithBadDisk(2)
  disk.how = 'hangs'
  const { result, tookMs } = await timed(node.put('k', null, 'v', { w: 3, timeoutMs }))
  expect(result).toMatchObject({ quorum: false, acks: 2 })
  expect(tookMs).toBeLessThanOrEqual(1.1 * timeoutMs)
})

test('a put that nobody has confirmed in time may have been stored, and says so', async () => {
  const ring = await ringWithBadDisk(2)
  for (const place of ring.world.places) ring.world.crash(place)
  await ring.clock.run(100)
  ring.disk.how = 'hangs'
  const { result, tookMs } = await ring.timed(ring.node.put('k', null, 'v', { w: 1, timeoutMs }))
  expect(result).toMatchObject({ code: 'storage-failed', changed: 'unknown' })
  expect(tookMs).toBeLessThanOrEqual(1.1 * timeoutMs)
})

test('where there are others, one of them stands in for the own disk', async () => {
  const { node, disk, timed } = await ringWithBadDisk(5)
  const key = keyWhere(node, ({ owners }) => owners.includes(node.id))
  disk.how = 'hangs'
  const { result, tookMs } = await timed(node.put(key, null, 'v', { w: 3, timeoutMs }))
  expect(result).toMatchObject({ quorum: true, acks: 3, hinted: 1 })
  expect(tookMs).toBeLessThanOrEqual(timeoutMs)
})
