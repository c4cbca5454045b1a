/**
 * Aeroplane: two tabs of one laptop work without a network for longer than the grace, and are closed. They are opened
 * again, with a network, later than the retention. The two acknowledged each other's writes, so these were told to be
 * held by two nodes.
 *
 * The rule that judged by clocks lost 20 of 20 writes, and no event told of it: each tab took what it had given to the
 * other tab for given to the ring. With one tab instead of two nothing was lost, and 20 events told of it.
 */
import { expect, test } from 'vitest'
import { keepApart, nodeOf } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { closeAll, listenedRing, misreadInTheEnd, namesOf, openAll, scrub, themselves } from './scene.ts'

const retentionMs = 240_000
const times = { retentionMs, graceMs: 30_000, stayMs: 10_000 }
/** Longer than a grace, an exchange of every pair, and some steps of forgetting. */
const aWhileMs = 120_000
const names = namesOf('page', 20)

for (const tabs of [1, 2]) {
  test(`what ${tabs === 1 ? 'a tab' : 'two tabs'} of a laptop wrote on a flight is there although the laptop stayed closed for longer than the retention`, async () => {
    // Places on so many devices in turn: with two tabs the first and the last place are on one.
    const ring = await listenedRing({ nodes: 3 + tabs, devices: 4, ...times })
    const { world, clock, ahead, late } = ring
    const laptop = world.places.filter(({ device }) => device === world.places[0]?.device)
    expect(laptop).toHaveLength(tabs)
    await clock.run(aWhileMs)

    const indexes = (places: readonly Place[]) => places.map(({ index }) => index)
    const others = world.places.filter((place) => !laptop.includes(place))
    keepApart(world, [indexes(laptop), indexes(others)])
    await clock.run(aWhileMs)
    const [writer] = laptop as [Place]
    for (const name of names) {
      const written = await ahead(nodeOf(writer).put(name, null, name))
      expect(written).toMatchObject({ acks: tabs, quorum: tabs === 2 })
    }
    await clock.run(aWhileMs)
    closeAll(ring, laptop)
    world.network.reunite()

    await clock.run(2 * retentionMs)
    await scrub(ring, names)
    openAll(ring, laptop)
    await clock.run(aWhileMs)
    await scrub(ring, names)
    expect(await misreadInTheEnd(ring, themselves(names))).toEqual([])
    // The others had forgotten by then whatever was overwritten as long ago: they cannot tell whether these were.
    const told = new Set(late.map(({ key }) => key))
    expect(names.filter((name) => !told.has(name))).toEqual([])
  })
}
