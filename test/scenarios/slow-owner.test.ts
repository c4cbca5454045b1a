/**
 * Owners that are slow to answer, as the tabs of a busy machine are: somebody stands in for them, and what they answer
 * still counts.
 */
import { expect, test } from 'vitest'
import type { KeyPlacement } from '../../src/node/api/tabring-node.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { keyWhere, slowed } from './by-hand.ts'

/** A ring of six with a key that the first node does not own, and whose placement is as it is wanted. */
async function ringWithKey(wanted: (placement: KeyPlacement, id: string) => boolean = () => true) {
  const ring = await virtualRing({ nodes: 6 })
  const nodes = ring.world.places.map(nodeOf)
  const [coordinator] = nodes as [StorageNode]
  const { id } = coordinator
  const key = keyWhere(coordinator, (placement) => !placement.owners.includes(id) && wanted(placement, id))
  const owners = coordinator.placement(key).owners.map((id) => nodes.find((node) => node.id === id) as StorageNode)
  return { ...ring, nodes, coordinator, key, owners: owners as [StorageNode, StorageNode, StorageNode] }
}

test('an owner that takes three seconds counts as an owner for a get that waits for five', async () => {
  const ring = await ringWithKey()
  await ring.ahead(ring.coordinator.put(ring.key, null, 'v', { w: 3, pw: 3 }))
  for (const owner of ring.owners.slice(0, 2)) slowed(ring, owner, 3_000)
  const startedAt = ring.clock.now
  const got = await ring.ahead(ring.coordinator.get(ring.key, { r: 2, pr: 2, timeoutMs: 5_000 }))
  expect(got).toMatchObject({ values: ['v'], quorum: true, replies: 2 })
  expect(ring.clock.now - startedAt).toBeLessThan(5_000)
})

test('an owner that takes three seconds counts as an owner for a put that waits for five', async () => {
  const ring = await ringWithKey()
  for (const owner of ring.owners.slice(0, 2)) slowed(ring, owner, 3_000)
  const put = await ring.ahead(ring.coordinator.put(ring.key, null, 'v', { w: 2, pw: 2, timeoutMs: 5_000 }))
  expect(put).toMatchObject({ quorum: true })
})

test('a put need not wait for slow owners: others stand in, and what they keep goes home', async () => {
  const ring = await ringWithKey()
  await ring.ahead(ring.coordinator.put(ring.key, null, 'v'))
  for (const owner of ring.owners) slowed(ring, owner, 3_000)
  const startedAt = ring.clock.now
  const put = await ring.ahead(ring.coordinator.put(ring.key, null, 'w', { timeoutMs: 5_000 }))
  expect(put).toMatchObject({ quorum: true, hinted: 2 })
  expect(ring.clock.now - startedAt).toBeLessThan(1_000)
  await ring.clock.run(60_000)
  expect(ring.nodes.map((node) => node.status().hints)).toEqual(ring.nodes.map(() => 0))
})

test('a copy kept for a slow owner that has answered after all counts once, and the put waits for more', async () => {
  // The owners are slow, the second of them less so than those who stand in for the other two.
  const { nodes, coordinator, key, ...ring } = await ringWithKey(({ fallbacks }, id) => fallbacks[1] === id)
  await ring.ahead(coordinator.put(key, null, 'v'))
  const { owners, fallbacks } = coordinator.placement(key)
  const delays = new Map([owners[0], owners[2]].map((id) => [id, 60_000]))
  delays.set(owners[1], 1_000)
  for (const id of [fallbacks[0], fallbacks[2]]) delays.set(id, 1_500)
  for (const node of nodes) slowed(ring, node, delays.get(node.id) ?? 0)
  const startedAt = ring.clock.now
  const put = await ring.ahead(coordinator.put(key, null, 'w', { w: 2, timeoutMs: 5_000 }))
  const tookMs = ring.clock.now - startedAt
  expect(put).toMatchObject({ quorum: true })
  expect([tookMs > 1_500, tookMs < 2_500]).toEqual([true, true])
})

test('250 gets at once through nodes that all take two and a half seconds have their quorum', async () => {
  const ring = await virtualRing({ nodes: 5 })
  const nodes = ring.world.places.map(nodeOf)
  const [first] = nodes as [StorageNode]
  const keys = Array.from({ length: 250 }, (_, index) => `country ${index}`)
  await ring.ahead(Promise.all(keys.map((key) => first.put(key, null, key))))
  for (const node of nodes) slowed(ring, node, 2_500)
  const results = await ring.ahead(Promise.all(keys.map((key) => first.get(key, { r: 2 }))))
  expect(results.filter(({ quorum }) => quorum)).toHaveLength(keys.length)
  expect(results.map(({ values }) => values)).toEqual(keys.map((key) => [key]))
})

test('a node that has been silent for two seconds is asked nothing new until it is heard', async () => {
  const ring = await ringWithKey()
  const [slow] = ring.owners
  slowed(ring, slow, 8_000)
  const isReachable = () => partsOf(ring.coordinator).peers.isReachable(slow.id)
  await ring.ahead(ring.coordinator.put(ring.key, null, 'v'))
  let wasOut = false
  for (let step = 0; step < 300; step += 1) {
    await ring.clock.run(10)
    wasOut ||= !isReachable()
  }
  expect(wasOut).toBe(true)
  await ring.clock.run(10_000)
  expect(isReachable()).toBe(true)
})
