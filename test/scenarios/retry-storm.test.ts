/**
 * A disk that is full in a ring that has no device to spare: nobody can take over what it cannot hold. On virtual time.
 */
import { expect, test } from 'vitest'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { Traffic } from './traffic.ts'

const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`)
const value = 'x'.repeat(1_000)

test('an idle ring sends a full node nothing until it says that it has room, and then brings it in step', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 3, diskRows: 20 })
  const [small, other] = world.places as [Place, Place]
  world.victim = small.device
  for (const key of keys) expect(await ahead(nodeOf(other).put(key, null, value))).toMatchObject({ quorum: true })
  const traffic = new Traffic(world.serving.map(({ node }) => node))
  await clock.run(60_000)
  const first = `${traffic.records} records, ${traffic.bytes} bytes in the first minute`
  const { id } = nodeOf(small)
  const said = () => world.serving.map(({ node }) => node.members().find((member) => member.id === id)?.storage)
  expect(said(), first).toEqual(['full', 'full', 'full'])
  traffic.reset()
  await clock.run(300_000)
  expect(traffic.records, first).toBe(0)
  expect(traffic.bytes).toBeLessThan(100_000)
  await clock.run(300_000)
  // It still answers with what it holds, and for what it does not hold it asks the others.
  for (const key of keys.slice(0, 20)) expect((await ahead(nodeOf(small).get(key))).values).toEqual([value])
  world.calm = true
  await clock.run(700_000)
  expect(said()).toEqual(['ok', 'ok', 'ok'])
  expect(world.serving.map(({ node }) => node.status().records)).toEqual([200, 200, 200])
  expect(world.serving.map(({ node }) => node.status().hints)).toEqual([0, 0, 0])
  traffic.reset()
  await clock.run(300_000)
  expect(traffic.records).toBe(0)
}, 120_000)
