/**
 * What exchanges bring about in a ring that changes, on virtual time, where nothing fails.
 */
import { expect, test } from 'vitest'
import type { DeviceId } from '../../../src/core/ids.ts'
import { partsOf, type StorageNode } from '../../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

/** A ring of four with so many keys. */
async function ringWith(keys: number, seed: number) {
  const ring = await virtualRing({ nodes: 4, seed })
  const [first] = ring.world.places.map(nodeOf) as [StorageNode]
  for (let index = 0; index < keys; index += 1) await ring.ahead(first.put(`key ${index}`, null, index))
  // A second after the last put the ring moves records at full speed.
  await ring.clock.run(2_000)
  return ring
}

test.each([1, 2, 3])(
  'a node that joins is in sync within a second, while former owners drop what they gave (seed %i)',
  async (seed) => {
    const { world, clock } = await ringWith(300, seed)
    const dropped: number[] = []
    for (const { node } of world.serving) {
      const { exchange } = partsOf(node)
      const { onDropped } = exchange
      exchange.onDropped = () => {
        dropped.push(clock.now)
        onDropped()
      }
    }
    world.start(world.addPlace('a fifth' as DeviceId))
    const isJoined = () =>
      world.serving.length === 5 && world.serving.every(({ node }) => partsOf(node).routing.others.length === 4)
    while (!isJoined()) await clock.run(10)
    await clock.run(1_000)
    expect(dropped.length).toBeGreaterThan(0)
    for (const { node } of world.serving) expect(partsOf(node).ownership.syncing).toEqual([])
  },
)
