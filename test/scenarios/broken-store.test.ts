/**
 * A disk that takes nothing any more, in a ring that has devices to spare. On virtual time.
 */
import { expect, test } from 'vitest'
import { allPartitions } from '../../src/core/partitioning/all-partitions.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { Traffic } from './traffic.ts'

const graceMs = 60_000
const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`)

/** A ring of five of which one has a broken disk, with 400 writes made before and after that. */
async function brokenRing() {
  const ring = await virtualRing({ nodes: 5, graceMs, stayMs: 2 * graceMs })
  const { world, clock, ahead } = ring
  await clock.run(2 * graceMs)
  const [broken, writer] = world.places as [Place, Place]
  for (const key of keys) await ahead(nodeOf(writer).put(key, null, `${key} before`))
  const told: string[] = []
  nodeOf(broken).on('data-loss', ({ reason, previousId }) => told.push(`${reason} ${previousId}`))
  broken.disk.isBroken = true
  for (const key of keys) {
    const { context } = await ahead(nodeOf(writer).get(key))
    expect(await ahead(nodeOf(writer).put(key, context, `${key} after`))).toMatchObject({ quorum: true })
  }
  return { ...ring, broken, writer, told }
}

const statusIn = (node: StorageNode, id: string) => node.members().find((member) => member.id === id)?.status

test('a node whose disk fails for good goes away and is out, its partitions have n replicas again, and the ring is silent', async () => {
  const { world, clock, ahead, broken, writer, told } = await brokenRing()
  const { id } = nodeOf(broken)
  await clock.run(20 * graceMs)
  expect(nodeOf(broken).status().state).toBe('closed')
  expect(told).toEqual([`storage-failed ${id}`])
  const others = world.serving.flatMap(({ place, node }) => (place === broken ? [] : [node]))
  expect(others).toHaveLength(4)
  for (const node of others) {
    expect(statusIn(node, id)).toBe('out')
    expect(node.status()).toMatchObject({ hints: 0, storage: 'ok' })
    expect(node.status().partitions).toMatchObject({ syncing: 0, retained: 0 })
    for (const partition of allPartitions) expect(partsOf(node).routing.ownersOf(partition)).not.toContain(id)
  }
  expect(others.reduce((sum, node) => sum + node.status().records, 0)).toBe(3 * keys.length)
  const traffic = new Traffic(others)
  await clock.run(300_000)
  expect(traffic.records).toBe(0)
  for (const key of keys)
    expect(await ahead(nodeOf(writer).get(key, { pr: 3, r: 3 }))).toMatchObject({ values: [`${key} after`] })
}, 60_000)

test('its tab, opened again on a new database, is another node and carries its share', async () => {
  const { world, clock, ahead, broken, told } = await brokenRing()
  const { id } = nodeOf(broken)
  await clock.run(2 * graceMs)
  expect(told).toEqual([`storage-failed ${id}`])
  broken.disk.isBroken = false
  broken.disk.wipe()
  world.reopenEnded()
  await clock.run(4 * graceMs)
  const node = nodeOf(broken)
  expect(node.id).not.toBe(id)
  expect(node.status().partitions.owned).toBeGreaterThan(300)
  expect(node.status().partitions.syncing).toBe(0)
  for (const key of keys) expect((await ahead(node.get(key))).values).toEqual([`${key} after`])
}, 60_000)

test('one whose disk works again within a minute stays the node it was, and is brought in step', async () => {
  const { world, clock, broken, told } = await brokenRing()
  const node = nodeOf(broken)
  const owned = node.status().partitions.owned
  await clock.run(15_000)
  broken.disk.isBroken = false
  await clock.run(2 * graceMs)
  expect(told).toEqual([])
  expect(node.status()).toMatchObject({ state: 'open', storage: 'ok' })
  expect(node.status().partitions).toMatchObject({ owned, syncing: 0 })
  expect(world.serving.map((each) => each.node.status().hints)).toEqual([0, 0, 0, 0, 0])
  expect(node.members().map(({ storage }) => storage)).toEqual(Array(5).fill('ok'))
}, 60_000)
