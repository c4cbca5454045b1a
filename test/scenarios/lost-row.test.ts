/**
 * A disk loses one row, or alters it, and says nothing: whatever happens to the key before anybody looks, the copies
 * that others hold are not taken for overwritten (hole H9 of forgetting).
 */

import { expect, test } from 'vitest'
import { opened } from '../../src/core/wire/sealed.ts'
import { progressRow } from '../../src/node/ownership/progress.ts'
import { recordRow } from '../../src/node/storage/rows.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { rowName } from '../../src/ports.ts'
import { keepApart, nodeOf, type VirtualRing, virtualRing } from '../node/virtual-ring.ts'
import { keyNamed } from '../simulation/keys.ts'
import type { Place } from '../simulation/world.ts'

const aWhileMs = 200_000

const rowOf = (name: string) => rowName(recordRow(keyNamed(name)))

/** The disk forgets a row, or turns a bit of it over. */
function damage({ disk }: Place, name: string, how: 'forgotten' | 'altered'): void {
  const place = rowOf(name)
  const row = disk.rows.get(place)
  if (row === undefined) throw new Error('the row is there')
  if (how === 'forgotten') disk.rows.delete(place)
  else disk.rows.set(place, { ...row, value: row.value.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) })
}

async function valuesAt(ring: VirtualRing, place: Place, name: string): Promise<readonly unknown[]> {
  const { values } = await ring.ahead(nodeOf(place).get(name, { r: 3 }))
  return [...values].sort()
}

for (const how of ['forgotten', 'altered'] as const) {
  test(`a row that was ${how}, of a key that is written blindly before anybody looks, takes no other copy with it`, async () => {
    const ring = await virtualRing({ nodes: 3 })
    const { world, clock, ahead } = ring
    const [a, , c] = world.places as [Place, Place, Place]
    await ahead(nodeOf(a).put('k', null, 'first', { w: 3 }))
    // All have exchanged: C has received what the others hold.
    await clock.run(aWhileMs)
    keepApart(world, [[0, 1], [2]])
    damage(c, 'k', how)
    await ahead(nodeOf(c).put('k', null, 'second', { w: 1 }))
    // The tab is closed at once, and opened again.
    world.crash(c)
    world.start(c)
    await clock.run(1_000)
    world.network.reunite()
    await clock.run(aWhileMs)
    for (const place of world.places) expect(await valuesAt(ring, place, 'k')).toEqual(['first', 'second'])
  })
}

test('a new copy that is fetched from a node whose disk has forgotten a row claims nothing of it', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { world, clock, ahead } = ring
  const [a, b, c] = world.places as [Place, Place, Place]
  world.close(c)
  await clock.run(1_000)
  await ahead(nodeOf(a).put('k', null, 'first', { w: 2 }))
  // A and B have exchanged; neither has a hint any more once C was there, so C's is struck off by hand.
  await clock.run(aWhileMs)
  for (const { disk } of [a, b])
    for (const [name, { key }] of [...disk.rows]) if (key[0] === 'hint' || key[0] === 'owed') disk.rows.delete(name)
  world.close(a)
  world.close(b)
  damage(b, 'k', 'forgotten')
  world.start(b)
  world.start(c)
  await clock.run(aWhileMs)
  world.start(a)
  await clock.run(aWhileMs)
  for (const place of world.places) expect(await valuesAt(ring, place, 'k')).toEqual(['first'])
})

for (const victim of [0, 1]) {
  test(`what place ${victim} finds lost as an exchange begins, it does not claim to have received in that exchange`, async () => {
    const ring = await virtualRing({ nodes: 2 })
    const { world, clock, ahead } = ring
    const [a, b] = world.places as [Place, Place]
    const broken = world.places[victim] as Place
    await ahead(nodeOf(a).put('k', null, 'first', { w: 2 }))
    await clock.run(aWhileMs)
    damage(broken, 'k', 'forgotten')
    // Read, it is in doubt; the next exchange looks it up as it begins.
    await ahead(partsOf(nodeOf(broken)).replica.read(keyNamed('k')))
    await ahead(partsOf(nodeOf(a)).exchange.now(nodeOf(b).id, 'repair'))
    await clock.run(aWhileMs)
    for (const place of world.places) expect(await valuesAt(ring, place, 'k')).toEqual(['first'])
  })
}

test('what was received is not believed of a row with a bit turned over', async () => {
  const ring = await virtualRing({ nodes: 2 })
  const { world, clock, ahead } = ring
  const [a, b] = world.places as [Place, Place]
  await ahead(nodeOf(a).put('k', null, 'first', { w: 2 }))
  await clock.run(aWhileMs)
  world.close(b)
  const place = rowName(progressRow)
  const row = b.disk.rows.get(place)
  if (row === undefined) throw new Error('the row is there')
  const bytesOf = (value: Uint8Array) =>
    opened(
      value,
      () => {},
      (reader) => reader.raw(reader.remaining).length,
    )
  expect(bytesOf(row.value)).toBeGreaterThan(0)
  for (let at = 0; at < row.value.length; at += 1)
    expect(bytesOf(row.value.map((byte, each) => (each === at ? byte ^ 1 : byte)))).toBe(null)
})
