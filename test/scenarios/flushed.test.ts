/**
 * Flushed: two nodes write while they are cut off from each other, and exchange then. What each says to have received
 * of the other, the other may forget, and drop what the one has overwritten: so it has to be on the disk for good
 * before it is said.
 */
import { expect, test } from 'vitest'
import { recordRow } from '../../src/node/storage/rows.ts'
import { rowName } from '../../src/ports.ts'
import { keepApart, nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { keyNamed } from '../simulation/keys.ts'
import { namesOf } from './scene.ts'

test('what an exchange has brought to either end survives a power cut', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 2 })
  await clock.run(30_000)
  keepApart(world, [[0], [1]])
  await clock.run(10_000)
  const names = world.places.map(({ index }) => namesOf(`of ${index}`, 10))
  for (const place of world.places)
    for (const name of names[place.index] ?? []) await ahead(nodeOf(place).put(name, null, name))
  world.network.reunite()
  await clock.run(60_000)
  for (const { disk, index } of world.places) {
    const rows = names.flat().map((name) => rowName(recordRow(keyNamed(name))))
    expect(rows.filter((row) => disk.rows.get(row) === undefined)).toEqual([])
    expect(rows.filter((row) => disk.durable(row) === undefined).map(() => index)).toEqual([])
  }
})
