/**
 * A tab that has written a key, was idle until its names were forgotten, and goes on writing blindly under the same
 * actor.
 */
import { expect, test } from 'vitest'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { keyNamed } from '../simulation/keys.ts'
import { recordsInTheEnd } from './scene.ts'

test('blind writes of a tab whose former ones are forgotten do not each stay beyond a gap', async () => {
  const retentionMs = 240_000
  const ring = await virtualRing({ nodes: 3, retentionMs })
  const { world, clock, ahead } = ring
  const [node] = world.places.map(nodeOf) as [StorageNode]
  const { context } = await ahead(node.put('k', null, 'first'))
  await ahead(node.delete('k', context))
  await clock.run(4 * retentionMs)
  expect(await recordsInTheEnd(ring, ['k'])).toEqual([0, 0, 0])
  for (let count = 0; count < 200; count += 1) await ahead(node.put('k', null, count, { w: 3 }))
  const { record } = await ahead(partsOf(node).replica.read(keyNamed('k')))
  const beyond = [...record.history.actors.values()].map((each) => each.beyond.length)
  expect(Math.max(...beyond)).toBeLessThanOrEqual(32)
})
