/**
 * Hidden: two rings that formed apart, each for longer than the retention, have met, and what is left is in step. Then
 * every node reads every key. Most of these nodes do not own the key that they read, and some owned it while the rings
 * were apart.
 *
 * The rule that judged by clocks let a get delete: a reader laid the horizon that it had left of a partition over the
 * owners' answers, found nothing, and read repair took the value from all three owners. Three of the three keys that
 * were left went that way, with `quorum: true`, and no event told of it.
 */
import { expect, test } from 'vitest'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { misread, namesOf, scrub, themselves } from './scene.ts'

const retentionMs = 240_000
const aWhileMs = 120_000
const names = namesOf('key', 100)

test('a key that its owners hold is read by every node, twice, however old what the reader has left of its partition', async () => {
  const apart = [
    [0, 1, 2],
    [3, 4, 5],
  ]
  const ring = await virtualRing({ nodes: 6, retentionMs, graceMs: 30_000, stayMs: 10_000 }, { apart })
  const { world, clock, ahead } = ring
  for (const [index, name] of names.entries()) {
    const place = world.places[index % 2 === 0 ? 0 : 3] as Place
    expect(await ahead(nodeOf(place).put(name, null, name))).toMatchObject({ quorum: true })
  }
  await clock.run(2 * retentionMs)
  await scrub(ring, names)
  world.network.reunite()
  await clock.run(2 * aWhileMs)

  const held: string[] = []
  for (const name of names) {
    const { owners } = nodeOf(world.places[0] as Place).placement(name)
    const owner = world.serving.find(({ node }) => node.id === owners[0])?.node
    if (owner === undefined) throw new Error('its first owner serves')
    if ((await ahead(owner.get(name, { pr: 2 }))).values.length > 0) held.push(name)
  }
  expect(held).not.toEqual([])
  for (let round = 0; round < 2; round += 1) {
    expect(await misread(ring, themselves(held))).toEqual([])
    // Read repair has its time.
    await clock.run(aWhileMs)
  }
})
