/**
 * Rings apart: nodes that could not reach each other form two rings, each goes on for longer than the retention, and
 * the two meet for the first time. Neither side ever waited for the other.
 *
 * The rule that judged by clocks lost 20 of 20 keys of three and three devices (19 by the meeting, and the twentieth by
 * the first get of a node that did not own it), and 20 of 20 of two tabs of one browser and two tabs of another. No
 * event told of it. Of one tab and two tabs nothing was lost.
 */
import { expect, test } from 'vitest'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { misreadInTheEnd, namesOf, scrub, themselves } from './scene.ts'

const retentionMs = 240_000
const times = { retentionMs, graceMs: 30_000, stayMs: 10_000 }
const aWhileMs = 120_000
const names = namesOf('key', 20)

const pairs = [
  {
    story: 'three devices and three devices',
    devices: 6,
    apart: [
      [0, 1, 2],
      [3, 4, 5],
    ],
  },
  // Places are on so many devices in turn.
  {
    story: 'two tabs of one browser and two tabs of another',
    devices: 2,
    apart: [
      [0, 2],
      [1, 3],
    ],
  },
  { story: 'one tab of a browser and two tabs of another', devices: 2, apart: [[1], [0, 2]] },
]

for (const { story, devices, apart } of pairs) {
  test(`${story}, rings for longer than the retention, meet, and all that either had is there`, async () => {
    const ring = await virtualRing({ nodes: apart.flat().length, devices, ...times }, { apart })
    const { world, clock, ahead } = ring
    // Each side puts half of the keys.
    for (const [index, name] of names.entries()) {
      const side = apart[index % 2] ?? []
      const place = world.places[side[0] ?? 0] as Place
      expect(await ahead(nodeOf(place).put(name, null, name))).toMatchObject({ quorum: side.length > 1 })
    }
    await clock.run(2 * retentionMs)
    await scrub(ring, names)
    world.network.reunite()
    await clock.run(aWhileMs)
    await scrub(ring, names)
    expect(await misreadInTheEnd(ring, themselves(names))).toEqual([])
  })
}
