/**
 * Who exchanges with whom, and when, on virtual time.
 */
import { expect, test } from 'vitest'
import type { DeviceId } from '../../src/core/ids.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from './virtual-ring.ts'

/** How many exchanges among these nodes, each pair once, have ended since. */
function exchangesSince(nodes: readonly StorageNode[], wallMs: number): number {
  const ids = new Set<string>(nodes.map(({ id }) => id))
  const peers = nodes.flatMap((node) => node.status().repair.peers)
  return peers.filter(({ id, endedAt }) => ids.has(id) && endedAt > wallMs).length
}

test('a new node has what it came to own before those that were there have all exchanged with each other, and they have soon after', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 7, stayMs: 1_000 })
  const old = world.serving.map(({ node }) => node)
  const [first] = old as [StorageNode]
  for (let at = 0; at < 200; at += 1) await ahead(first.put(`key ${at}`, null, at))
  await clock.run(10_000)
  const comesAt = first.clock.wall()
  const place = world.addPlace('new device' as DeviceId)
  world.start(place)
  const isWhole = () => place.boot?.node !== undefined && nodeOf(place).status().members === 8
  for (let round = 0; round < 100 && !(isWhole() && nodeOf(place).status().partitions.owned > 0); round += 1)
    await clock.run(20)
  await ahead(nodeOf(place).joined({ members: 8, timeoutMs: 2_000 }))
  expect(nodeOf(place).status().records).toBeGreaterThan(0)
  const pairs = (old.length * (old.length - 1)) / 2
  expect(exchangesSince(old, comesAt)).toBeLessThan(pairs)
  await clock.run(10_000)
  expect(exchangesSince(old, comesAt)).toBeGreaterThanOrEqual(pairs)
  for (const node of old) expect(node.status().partitions.retained).toBe(0)
})
