/**
 * Cut off: two of five running nodes lose the other three for longer than the retention. Each side goes on as a ring of
 * its own, and two devices at least acknowledge every write.
 *
 * The rule that judged by clocks lost 20 of 20 writes of the pair, and writes of the three too, and no event told of
 * it. With one node cut off instead of two nothing was lost.
 */
import { expect, test } from 'vitest'
import { keepApart, nodeOf } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { listenedRing, misreadInTheEnd, namesOf, scrub, themselves } from './scene.ts'

const retentionMs = 240_000
/** Longer than a grace, an exchange of every pair, and some steps of forgetting. */
const aWhileMs = 120_000
const ofPair = namesOf('of the pair', 20)
const ofThree = namesOf('of the three', 20)

test('what either side wrote while two of five nodes were cut off for longer than the retention is there after all are together', async () => {
  const ring = await listenedRing({ nodes: 5, retentionMs, graceMs: 30_000, stayMs: 10_000 })
  const { world, clock, ahead, late } = ring
  await clock.run(aWhileMs)
  keepApart(world, [
    [0, 1, 2],
    [3, 4],
  ])
  await clock.run(aWhileMs)
  const sides = [
    [world.places[0] as Place, ofThree],
    [world.places[3] as Place, ofPair],
  ] as const
  for (const [place, names] of sides) {
    for (const name of names) {
      const written = await ahead(nodeOf(place).put(name, null, name, { pw: 2, devices: 2, strict: true }))
      expect(written).toMatchObject({ quorum: true })
    }
  }
  await clock.run(2 * retentionMs)
  await scrub(ring, [...ofPair, ...ofThree])
  world.network.reunite()
  await clock.run(aWhileMs)
  await scrub(ring, [...ofPair, ...ofThree])
  expect(await misreadInTheEnd(ring, themselves([...ofPair, ...ofThree]))).toEqual([])
  // One of the three at least owns each key of the pair, and had forgotten by then whatever was overwritten as long
  // ago.
  const told = new Set(late.map(({ key }) => key))
  expect(ofPair.filter((name) => !told.has(name))).toEqual([])
})
