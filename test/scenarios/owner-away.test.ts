/**
 * Owners keep no hints for an owner that is away: their own records are what it gets. So none may give up its record
 * before the one that was away has it, and one that leaves hands its records to the others. On virtual time.
 */
import { expect, test } from 'vitest'
import { recordRow } from '../../src/node/storage/rows.ts'
import { rowName } from '../../src/ports.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { keyNamed } from '../simulation/keys.ts'
import type { Place } from '../simulation/world.ts'

const names = Array.from({ length: 40 }, (_, index) => `key ${index}`)
const aWhileMs = 120_000

const hasRow = ({ disk }: Place, name: string) => disk.rows.has(rowName(recordRow(keyNamed(name))))
const hints = (place: Place) => [...place.disk.rows.values()].filter(({ key }) => key[0] === 'hint').length

/** A ring of three in which the third is away, and the first has written so many keys since. */
async function writtenWhileAway() {
  const ring = await virtualRing({ nodes: 3, stayMs: 1_000 })
  const { world, clock, ahead } = ring
  const [first, second, third] = world.places as [Place, Place, Place]
  const thirdId = nodeOf(third).id
  world.close(third)
  await clock.run(1_000)
  for (const name of names) expect(await ahead(nodeOf(first).put(name, null, name))).toMatchObject({ quorum: true })
  expect([hints(first), hints(second)]).toEqual([0, 0])
  return { ...ring, first, second, third, thirdId }
}

test('an owner that is one no more keeps its record of a write until an owner that was away has it', async () => {
  const { world, clock, come, first, third, thirdId } = await writtenWhileAway()
  for (const name of ['fourth', 'fifth']) await come(name)
  await clock.run(aWhileMs)
  const { id } = nodeOf(first)
  const placed = names.map((name) => ({ name, ...nodeOf(first).placement(name) }))
  const lost = placed.filter(({ owners }) => !owners.includes(id))
  const awaited = lost.filter(({ owners }) => owners.includes(thirdId))
  const settled = lost.filter(({ owners }) => !owners.includes(thirdId))
  expect([awaited.length > 0, settled.length > 0]).toEqual([true, true])
  for (const { name } of settled) expect(hasRow(first, name)).toBe(false)
  for (const { name } of awaited) expect(hasRow(first, name)).toBe(true)
  world.start(third)
  await clock.run(aWhileMs)
  for (const { name } of awaited) expect([hasRow(third, name), hasRow(first, name)]).toEqual([true, false])
}, 60_000)

test('what a node keeps for an owner that is away joins its own record once it is an owner too', async () => {
  const graceMs = 60_000
  const ring = await virtualRing({ nodes: 5, stayMs: 1_000, graceMs })
  const { world, clock, ahead } = ring
  const [first, second, third, ...soonOut] = world.places as [Place, Place, Place, Place, Place]
  for (const place of soonOut) world.close(place)
  await clock.run(graceMs / 2)
  world.close(third)
  await clock.run(1_000)
  for (const name of names) await ahead(nodeOf(first).put(name, null, name))
  expect([hints(first) > 0, hints(second) > 0]).toEqual([true, true])
  // Two are out by now, and the third keeps its place.
  await clock.run(graceMs / 2 + 20_000)
  for (const place of [first, second]) {
    expect(nodeOf(place).status()).toMatchObject({ members: 3, reachable: 2, hints: 0 })
    expect([hints(place), names.filter((name) => !hasRow(place, name))]).toEqual([0, []])
  }
  world.start(third)
  await clock.run(10_000)
  expect(names.filter((name) => !hasRow(third, name))).toEqual([])
}, 60_000)

test('an owner leaves although one is away that lacks what it wrote, and that one gets it from the others', async () => {
  const { world, clock, ahead, first, second, third } = await writtenWhileAway()
  await ahead(nodeOf(first).leave())
  first.gone = true
  for (const name of names) expect(hasRow(second, name)).toBe(true)
  world.start(third)
  await clock.run(aWhileMs)
  for (const name of names) expect(await ahead(nodeOf(third).get(name, { r: 2 }))).toMatchObject({ values: [name] })
  for (const name of names) expect(hasRow(third, name)).toBe(true)
}, 60_000)

test('an owner cannot leave while no other owner is in reach, and leaves what it wrote to the first that is back', async () => {
  const { world, clock, ahead, first, second, third } = await writtenWhileAway()
  world.close(second)
  await clock.run(1_000)
  await ahead(nodeOf(first).put('only here', null, 'v'))
  await expect(ahead(nodeOf(first).leave())).rejects.toMatchObject({ code: 'quorum-unreachable', changed: 'nothing' })
  expect(hasRow(first, 'only here')).toBe(true)
  world.start(third)
  await clock.run(10_000)
  await ahead(nodeOf(first).leave())
  expect([...names, 'only here'].filter((name) => !hasRow(third, name))).toEqual([])
}, 60_000)
