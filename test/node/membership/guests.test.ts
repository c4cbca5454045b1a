/**
 * Guests: what newcomers are to a ring that does without them, on virtual time.
 */
import { expect, test } from 'vitest'
import { allPartitions } from '../../../src/core/partitioning/all-partitions.ts'
import { partsOf, type StorageNode } from '../../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

const graceMs = 60_000
const stayMs = 2 * graceMs

/**
 * A ring in which nobody is a guest any more: of those who open it together, the last may be one if the others have met
 * first.
 */
async function ringOf(nodes: number) {
  const ring = await virtualRing({ nodes, graceMs, stayMs })
  await ring.clock.run(stayMs)
  return ring
}

const guestsOf = (node: StorageNode) => node.members().flatMap(({ guest, id }) => (guest ? [id] : []))

test('those who make a ring are no guests, and neither is who comes to a ring that needs devices', async () => {
  const { world, come } = await ringOf(2)
  const third = await come('third')
  for (const { node } of world.serving) expect(guestsOf(node)).toEqual([])
  expect(nodeOf(third).status().partitions.owned).toBe(allPartitions.length)
})

test('who comes to a ring that has devices enough is a guest; all guests together own one replica of a partition at most', async () => {
  const { world, come } = await ringOf(4)
  const guests = [await come('a'), await come('b'), await come('c')].map((place) => nodeOf(place).id)
  for (const { node } of world.serving) {
    expect(guestsOf(node).toSorted()).toEqual(guests.toSorted())
    for (const partition of allPartitions) {
      const owners = partsOf(node)
        .routing.ownersOf(partition)
        .filter((owner) => guests.includes(owner))
      expect(owners.length).toBeLessThanOrEqual(1)
    }
  }
  for (const node of world.serving.map((each) => each.node).filter(({ id }) => guests.includes(id)))
    expect(node.status().partitions.owned).toBeGreaterThan(100)
})

test('who has stayed for long enough is a guest no more, and is none either when it comes back', async () => {
  const { clock, world, come } = await ringOf(4)
  const place = await come('a')
  expect(guestsOf(nodeOf(place))).toEqual([nodeOf(place).id])
  await clock.run(stayMs)
  for (const { node } of world.serving) expect(guestsOf(node)).toEqual([])
  world.crash(place)
  await clock.run(5_000)
  world.start(place)
  await clock.run(5_000)
  for (const { node } of world.serving) expect(guestsOf(node)).toEqual([])
})

test('where too few of those who have stayed are left, guests are guests no more', async () => {
  const { clock, world, come } = await ringOf(3)
  const place = await come('a')
  expect(guestsOf(nodeOf(place))).toEqual([nodeOf(place).id])
  const [first] = world.places
  if (first === undefined) throw new Error('a ring of three has a first node')
  first.barred = true
  world.crash(first)
  await clock.run(graceMs / 2)
  expect(guestsOf(nodeOf(place))).toEqual([nodeOf(place).id])
  await clock.run(graceMs)
  expect(guestsOf(nodeOf(place))).toEqual([])
})

test('a write that a guest takes outlives the guests, all of whom leave at once', async () => {
  const { clock, world, come } = await ringOf(4)
  const guests = [await come('a'), await come('b'), await come('c')]
  const [writer] = guests.map(nodeOf)
  const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`)
  const putting = Promise.all(keys.map((key) => writer?.put(key, null, key)))
  await clock.run(5_000)
  for (const result of await putting) expect(result).toMatchObject({ quorum: true })
  for (const place of guests) {
    place.barred = true
    world.crash(place)
  }
  await clock.run(3 * graceMs)
  const [there] = world.serving
  const reading = Promise.all(keys.map((key) => there?.node.get(key)))
  await clock.run(5_000)
  for (const [index, found] of (await reading).entries())
    expect(found).toMatchObject({ values: [keys[index]], quorum: true })
})
