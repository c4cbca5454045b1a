/**
 * Clocks: a clock that is set back while a tab is cut off, and clocks of a whole ring that are far ahead for a while.
 * Whose writes survive, and whether a ring takes any, must not depend on them.
 *
 * The rule that judged by clocks lost 20 of 20 writes of the tab whose clock had been set back, and no event told of
 * it: they seemed to be older than what the tab had given to others before. After clocks had been ahead for some steps
 * of forgetting, none of a newcomer's 20 puts had a quorum: the owners had promised to take in nothing older than a
 * time to come.
 */
import { expect, test } from 'vitest'
import { keepApart, nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { listenedRing, misreadInTheEnd, namesOf, scrub, themselves } from './scene.ts'

const retentionMs = 240_000
const times = { retentionMs, graceMs: 30_000, stayMs: 10_000 }
/** Longer than a grace, an exchange of every pair, and some steps of forgetting. */
const aWhileMs = 120_000
/** No node believes a time that is more than a day ahead of its own clock. */
const farAheadMs = 3 * 86_400_000
const names = namesOf('key', 20)

test('what a tab takes alone after its clock was set back is there when it is back, later than the retention', async () => {
  const ring = await listenedRing({ nodes: 4, ...times })
  const { world, clock, ahead, late } = ring
  // In step with the others by now, and cut off.
  keepApart(world, [[0, 1, 2], [3]])
  await clock.run(aWhileMs)
  const alone = world.places[3] as Place
  // To before the moment in which it was cut off.
  alone.skewMs = -1.5 * aWhileMs
  for (const name of names) expect(await ahead(nodeOf(alone).put(name, null, name))).toMatchObject({ acks: 1 })
  await clock.run(2 * retentionMs)
  await scrub(ring, names)
  world.network.reunite()
  await clock.run(aWhileMs)
  await scrub(ring, names)
  expect(await misreadInTheEnd(ring, themselves(names))).toEqual([])
  const told = new Set(late.map(({ key }) => key))
  expect(names.filter((name) => !told.has(name))).toEqual([])
})

test('clocks of a whole ring were ahead by more than the retention for a while: a newcomer whose clock is right is refused nothing', async () => {
  const ring = await virtualRing({ nodes: 3, ...times })
  const { world, clock, come, ahead } = ring
  await clock.run(aWhileMs)
  for (const place of world.places) place.skewMs = farAheadMs
  await clock.run(aWhileMs)
  for (const place of world.places) place.skewMs = 0
  await clock.run(aWhileMs)
  const newcomer = await come('newcomer')
  const refused: string[] = []
  for (const name of names) {
    const { acks, quorum } = await ahead(nodeOf(newcomer).put(name, null, name))
    if (!quorum) refused.push(`${name}: ${acks}`)
  }
  expect(refused).toEqual([])
  expect(await misreadInTheEnd(ring, themselves(names))).toEqual([])
})
