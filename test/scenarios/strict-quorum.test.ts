/**
 * Strict quorum: two of three owners acknowledge a put (`pw: 2`), two of three owners answer a get (`pr: 2`), and both
 * say `quorum: true`. Two of three and two of three have an owner in common, so the get finds what was put. It must not
 * matter that the writer and the reader held different nodes for the owners when they asked. A get that cannot be sure
 * says `quorum: false`: that is honest.
 *
 * The rule that took an owner for in sync as soon as everybody in its reach had given let gets with `quorum: true` miss
 * such a put: 78 of 1,754 after a partition that outlasted the grace, 40 of 40 on the lesser side of a partition that a
 * newcomer met, and 125 of 2,022 after two young rings had met.
 */
import { expect, test } from 'vitest'
import { keepApart, nodeOf, type VirtualRing, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { misreadInTheEnd, namesOf, themselves } from './scene.ts'

/** So many that exchanges take some seconds, in which clients read. */
const keysOfSide = 500
const readMs = 5_000
const readEveryMs = 20
const readsAtOnce = 2
/** Sides that can reach each other have the whole ring in view within this time. */
const meetMs = 120_000

/** Places that can reach each other, and keys that two of them at least hold, each with its own name as its value. */
interface Side {
  readonly places: readonly Place[]
  readonly names: readonly string[]
}

function sidesOf({ world }: VirtualRing, groups: readonly (readonly number[])[]): readonly Side[] {
  return groups.map((group, index) => ({
    places: world.places.filter((place) => group.includes(place.index)),
    names: namesOf(`of side ${index},`, keysOfSide),
  }))
}

/** Each side puts its keys, of which two owners by its own view acknowledge each. */
async function putStrictly({ ahead }: VirtualRing, sides: readonly Side[]): Promise<void> {
  for (const { places, names } of sides) {
    const [writer] = places as [Place]
    const puts = names.map((name) => nodeOf(writer).put(name, null, name, { pw: 2, strict: true }))
    await ahead(Promise.all(puts))
  }
}

/** Whether a node has the whole ring in view, and reaches one of these. */
function reaches({ world }: VirtualRing, reader: Place, holders: readonly Place[]): boolean {
  const reachable = new Set(
    nodeOf(reader)
      .members()
      .flatMap((member) => (member.reachable ? [member.id] : [])),
  )
  const inView = nodeOf(reader).status().members
  return inView === world.serving.length && holders.some((holder) => reachable.has(nodeOf(holder).id))
}

/**
 * While the sides find each other and bring each other in step, nodes with the whole ring in view read what the other
 * side had put. Resolves to the gets that said `quorum: true` and missed the value.
 */
async function missedOfOthers(ring: VirtualRing, sides: readonly Side[]): Promise<readonly string[]> {
  const { clock } = ring
  const missed: string[] = []
  const read = async (reader: Place, name: string) => {
    const { values, quorum } = await nodeOf(reader).get<string>(name, { pr: 2 })
    if (quorum && !values.includes(name)) missed.push(`${name} at ${reader.index}`)
  }
  const pairs = sides.flatMap((side) =>
    side.places.flatMap((reader) => sides.filter((other) => other !== side).map((other) => ({ reader, other }))),
  )
  const gets: Promise<void>[] = []
  let endsAt = clock.now + meetMs
  let haveMet = false
  for (let turn = 0; clock.now < endsAt; turn += readsAtOnce) {
    const ready = pairs.filter(({ reader, other }) => reaches(ring, reader, other.places))
    if (!haveMet && ready.length === pairs.length) {
      haveMet = true
      endsAt = clock.now + readMs
    }
    for (const [index, { reader, other }] of ready.entries())
      for (let at = turn; at < turn + readsAtOnce; at += 1) {
        // All readers begin elsewhere.
        const name = other.names[(at * pairs.length + index) % other.names.length]
        if (name !== undefined) gets.push(read(reader, name))
      }
    await clock.run(readEveryMs)
  }
  expect(haveMet).toBe(true)
  await ring.ahead(Promise.all(gets))
  return missed
}

/** Being unsure for ever is no way out: in the end strict gets find everything, and say so. */
async function expectSureInTheEnd(ring: VirtualRing, sides: readonly Side[]): Promise<void> {
  const some = sides.flatMap(({ names }) => names.slice(0, 20))
  expect(await misreadInTheEnd(ring, themselves(some))).toEqual([])
}

test('after a partition that outlasted the grace, no strict get misses what either side had put strictly', async () => {
  const groups = [
    [0, 1],
    [2, 3, 4],
  ]
  const ring = await virtualRing({ nodes: 5, graceMs: 30_000, stayMs: 10_000 })
  await ring.clock.run(60_000)
  keepApart(ring.world, groups)
  await ring.clock.run(120_000)
  const sides = sidesOf(ring, groups)
  await putStrictly(ring, sides)
  await ring.clock.run(60_000)
  ring.world.network.reunite()
  expect(await missedOfOthers(ring, sides)).toEqual([])
  await expectSureInTheEnd(ring, sides)
})

test('a newcomer that met only the lesser side of a partition makes no strict get miss what the greater side puts strictly', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { world, clock, come, ahead } = ring
  await clock.run(60_000)
  // The place with index 3 is the newcomer's.
  keepApart(world, [
    [0, 2],
    [1, 3],
  ])
  const newcomer = await come('newcomer')
  await clock.run(60_000)
  const [writer, lesser] = world.places as [Place, Place]
  const names = namesOf('key', 40)
  const missed: string[] = []
  for (const name of names) {
    await ahead(nodeOf(writer).put(name, null, name, { pw: 2, strict: true }))
    for (const reader of [lesser, newcomer]) {
      const { values, quorum } = await ahead(nodeOf(reader).get<string>(name, { pr: 2 }))
      if (quorum && !values.includes(name)) missed.push(`${name} at ${reader.index}`)
    }
  }
  expect(missed).toEqual([])
  world.network.reunite()
  await expectSureInTheEnd(ring, [{ places: world.places, names }])
})

test('after two young rings have met, no strict get misses what either had put strictly', async () => {
  const apart = [
    [0, 1, 2],
    [3, 4, 5],
  ]
  const ring = await virtualRing({ nodes: 6, graceMs: 30_000, stayMs: 10_000 }, { apart })
  await ring.clock.run(60_000)
  const sides = sidesOf(ring, apart)
  await putStrictly(ring, sides)
  await ring.clock.run(60_000)
  ring.world.network.reunite()
  expect(await missedOfOthers(ring, sides)).toEqual([])
  await expectSureInTheEnd(ring, sides)
})
