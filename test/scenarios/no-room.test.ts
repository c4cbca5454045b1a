/**
 * No room: a node joins a ring with a disk that is full, and has room later. What could not be moved to it meanwhile it
 * has not received, whichever of the two has asked for the exchange: or the others would drop what they alone hold as
 * soon as it had room.
 */
import { expect, test } from 'vitest'
import type { DeviceId } from '../../src/core/ids.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { misreadInTheEnd, namesOf, themselves } from './scene.ts'

const names = namesOf('key', 30)

// Of two nodes the one with the lower id asks, so the seed says who does.
test.each([
  ['asked for', 12, true],
  ['was asked for', 2, false],
] as const)(
  'a newcomer whose disk was full as it %s exchanges is brought in step once it has room',
  async (_, seed, isAsking) => {
    const ring = await virtualRing({ nodes: 2, diskRows: 1, seed })
    const { world, clock, ahead, come } = ring
    world.victim = 'newcomer' as DeviceId
    const [first] = world.places as [Place]
    for (const name of names) await ahead(nodeOf(first).put(name, null, name))
    const newcomer = await come('newcomer')
    const others = world.places.slice(0, 2).map((place) => nodeOf(place).id)
    expect(others.map((id) => nodeOf(newcomer).id < id)).toEqual(isAsking ? [true, true] : [false, false])
    await clock.run(120_000)
    expect(nodeOf(newcomer).status().records).toBeLessThan(names.length)
    world.calm = true
    for (let passedMs = 0; passedMs < 900_000 && nodeOf(newcomer).status().records < names.length; passedMs += 10_000)
      await clock.run(10_000)
    expect(world.serving.map(({ node }) => node.status().records)).toEqual([names.length, names.length, names.length])
    expect(await misreadInTheEnd(ring, themselves(names))).toEqual([])
  },
)
