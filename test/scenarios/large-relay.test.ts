/**
 * Two nodes that have no channel to each other, and records that nobody passes on for them. On virtual time.
 */

import { expect, test } from 'vitest'
import { bounds } from '../../src/core/bounds.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { keyNamed } from '../node/replica-fixture.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'

const stored = keyNamed('key')
const siblings = 9

/** A ring of three, all of whom own a key of 9 MiB in siblings; the first and the second talk through the third. */
async function apart() {
  const ring = await virtualRing({ nodes: 3 })
  const { world, clock, ahead } = ring
  const [one, other] = world.places as [Place, Place]
  const value = 'x'.repeat(bounds.valueBytesMax - 100)
  for (let index = 0; index < siblings; index += 1) await ahead(nodeOf(other).put('key', null, `${index}${value}`))
  for (const [from, to] of [[one, other] as const, [other, one] as const]) world.network.sever(from.index, to.index)
  world.network.disconnect(one.index, other.index)
  await clock.run(30_000)
  return { ...ring, one: nodeOf(one), other: nodeOf(other) }
}

test('an answer that is too large to be passed on is refused at once, and its node stays in reach', async () => {
  const { clock, ahead, one, other } = await apart()
  expect([partsOf(one).peers.isConnected(other.id), partsOf(one).peers.isReachable(other.id)]).toEqual([false, true])
  const startedAt = clock.now
  const asked = partsOf(one)
    .peers.request(other.id, { type: 'get', key: stored })
    .catch((error: unknown) => error)
  expect(await ahead(asked)).toMatchObject({ reason: 'refused', code: 'overloaded' })
  expect(clock.now - startedAt).toBeLessThan(bounds.requestTimeoutMs / 2)
  expect(partsOf(one).peers.isReachable(other.id)).toBe(true)
}, 60_000)

test('so is what is too large to be asked, and nobody is troubled with it', async () => {
  const { clock, ahead, one, other } = await apart()
  const { record } = await ahead(partsOf(one).replica.read(stored))
  expect(record.siblings).toHaveLength(siblings)
  const startedAt = clock.now
  const entries = [{ key: stored, record }]
  const asked = partsOf(one)
    .peers.request(other.id, { type: 'deliver', why: 'hint', entries, received: [] })
    .catch((error: unknown) => error)
  expect(await ahead(asked)).toMatchObject({ reason: 'refused', code: 'overloaded' })
  expect(clock.now - startedAt).toBeLessThan(bounds.requestTimeoutMs / 2)
  expect(partsOf(one).peers.isReachable(other.id)).toBe(true)
}, 60_000)
