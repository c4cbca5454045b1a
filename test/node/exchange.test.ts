/**
 * Who exchanges with whom, and when, on virtual time.
 */
import { expect, test } from 'vitest'
import type { DeviceId } from '../../src/core/ids.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from './virtual-ring.ts'

test('within a second of a join everybody is in sync with what has shifted to it: no quorum is missed for longer', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 7, stayMs: 1_000 })
  const [first] = world.serving.map(({ node }) => node) as [StorageNode]
  for (let at = 0; at < 200; at += 1) await ahead(first.put(`key ${at}`, null, at))
  await clock.run(10_000)
  const place = world.addPlace('new device' as DeviceId)
  world.start(place)
  const hasCome = () => place.boot?.node !== undefined && nodeOf(place).status().partitions.owned > 0
  for (let round = 0; round < 100 && !(hasCome() && nodeOf(place).status().members === 8); round += 1)
    await clock.run(20)
  await clock.run(1_000)
  expect(nodeOf(place).status().records).toBeGreaterThan(0)
  for (const { node } of world.serving) expect(node.status().partitions.syncing).toBe(0)
})
