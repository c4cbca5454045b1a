/**
 * Holiday: two of four devices are closed, the other two go on working, and are closed too. After the holidays, which
 * are longer than the retention, the first two are opened, and a little later the others. Nothing fails, and two
 * devices acknowledged every write.
 *
 * The rule that judged by clocks lost 20 of 20 notes and the plan, and no event told of it: those who came back first
 * did not wait for members that had been away for longer than the retention, and took what these had written meanwhile
 * for overwritten.
 */
import { expect, test } from 'vitest'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import {
  closeAll,
  listenedRing,
  misreadInTheEnd,
  namesOf,
  openAll,
  recordsInTheEnd,
  scrub,
  themselves,
} from './scene.ts'

const retentionMs = 240_000
const times = { retentionMs, graceMs: 30_000, stayMs: 10_000 }
/** Longer than a grace, an exchange of every pair, and some steps of forgetting. */
const aWhileMs = 120_000
const names = namesOf('note', 20)

test('what two devices wrote while the other two were away for longer than the retention is there after all are back', async () => {
  const ring = await virtualRing({ nodes: 4, ...times })
  const { world, clock, ahead } = ring
  const [a, b, c, d] = world.places as [Place, Place, Place, Place]
  await ahead(nodeOf(a).put('plan', null, 'of all four'))
  await clock.run(aWhileMs)
  closeAll(ring, [c, d])
  await clock.run(aWhileMs)

  const safe = { w: 2, pw: 2, devices: 2, strict: true }
  for (const name of names) await ahead(nodeOf(a).put(name, null, name, safe))
  const drafts = [
    [a, 'changed by A'],
    [b, 'changed by A and B'],
  ] as const
  for (const [place, draft] of drafts) {
    const { context } = await ahead(nodeOf(place).get('plan'))
    await ahead(nodeOf(place).put('plan', context, draft, safe))
  }
  await clock.run(aWhileMs)
  closeAll(ring, [a, b])

  await clock.run(1.5 * retentionMs)
  openAll(ring, [c, d])
  await clock.run(aWhileMs)
  openAll(ring, [a, b])
  await clock.run(aWhileMs)
  await scrub(ring, [...names, 'plan'])
  const expected = new Map([...themselves(names), ['plan', 'changed by A and B']])
  expect(await misreadInTheEnd(ring, expected)).toEqual([])
})

test('what was deleted and forgotten while one device was away stays deleted when that device comes back', async () => {
  const ring = await listenedRing({ nodes: 4, ...times })
  const { world, clock, ahead, late } = ring
  const [a, , , d] = world.places as [Place, Place, Place, Place]
  for (const name of names) await ahead(nodeOf(d).put(name, null, name, { w: 3 }))
  // Every pair of nodes has exchanged by then: what D holds, the others have received from it.
  await clock.run(2 * aWhileMs)
  closeAll(ring, [d])
  await clock.run(aWhileMs)
  for (const name of names) {
    const { context } = await ahead(nodeOf(a).get(name))
    await ahead(nodeOf(a).delete(name, context, { w: 2, pw: 2, strict: true }))
  }
  await clock.run(4 * retentionMs)
  expect(await recordsInTheEnd(ring, names)).toEqual([0, 0, 0])

  openAll(ring, [d])
  await clock.run(aWhileMs)
  await scrub(ring, names)
  expect(await misreadInTheEnd(ring, new Map(names.map((name) => [name, undefined])))).toEqual([])
  expect(late).toEqual([])
})
