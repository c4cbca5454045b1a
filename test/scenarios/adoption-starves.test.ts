/**
 * A closed tab's node that another tab tries to hand over, again and again: to the others it is as absent as if nobody
 * tried.
 */

import { expect, test } from 'vitest'
import type { MemberStatus } from '../../src/core/membership/claims.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { failingStore, openByHand } from './by-hand.ts'

const graceMs = 180_000

/** A ring of five, of which the last has been closed while it was cut off, with a write that nobody else has. */
async function ringWithOrphan() {
  const ring = await virtualRing({ nodes: 5, graceMs, stayMs: 5_000 })
  const { places, network } = ring.world
  const nodes = places.map(nodeOf)
  const [adopter, orphan, place] = [nodes[0], nodes[4], places[4]]
  if (adopter === undefined || orphan === undefined || place === undefined) throw new Error('five nodes run')
  await ring.clock.run(60_000)
  for (const { index } of places.slice(0, 4)) {
    network.sever(index, place.index)
    network.sever(place.index, index)
  }
  expect(await ring.ahead(orphan.put('only here', null, 'v'))).toMatchObject({ acks: 1, quorum: false })
  ring.world.close(place)
  network.reunite()
  await ring.clock.run(10_000)
  const statuses = () => nodes.slice(0, 4).map((node) => partsOf(node).membership.view.get(orphan.id)?.status)
  const all = (status: MemberStatus) => [status, status, status, status]
  return { ...ring, adopter, orphan: orphan.id, disk: place.disk, statuses, all }
}

test('tries that fail do not begin the grace of the node anew', async () => {
  const ring = await ringWithOrphan()
  const seen = new Set<unknown>()
  for (let minute = 0; minute < 6; minute += 1) {
    const { store, state } = failingStore(memoryStore(ring.disk.rows), ring)
    const node = await openByHand(ring, store, ring.adopter)
    expect(node.id).toBe(ring.orphan)
    state.how = 'fails'
    await expect(ring.ahead(node.leave())).rejects.toThrow()
    for (const status of ring.statuses()) seen.add(status)
    await node.close()
    await ring.clock.run(45_000)
  }
  expect([...seen].sort()).toEqual(['away', 'out'])
  expect(ring.statuses()).toEqual(ring.all('out'))
})

test('one that is out already stays out while it hands over', async () => {
  const ring = await ringWithOrphan()
  await ring.clock.run(graceMs + 30_000)
  expect(ring.statuses()).toEqual(ring.all('out'))
  const { store, state } = failingStore(memoryStore(ring.disk.rows), ring)
  const node = await openByHand(ring, store, ring.adopter)
  state.how = 'fails'
  await expect(ring.ahead(node.leave())).rejects.toThrow()
  expect(ring.statuses()).toEqual(ring.all('out'))
})

test.each([
  ['within its grace', 0],
  ['after it', graceMs + 30_000],
])('what only the absent node had is handed over, %s, and the node leaves', async (_, pauseMs) => {
  const ring = await ringWithOrphan()
  await ring.clock.run(pauseMs)
  const node = await openByHand(ring, memoryStore(ring.disk.rows), ring.adopter)
  await ring.ahead(node.leave())
  await ring.clock.run(10_000)
  // One that was out has no place to give up.
  expect(ring.statuses()).toEqual(ring.all(pauseMs === 0 ? 'left' : 'out'))
  const got = await ring.ahead(ring.adopter.get('only here', { r: 2, pr: 2 }))
  expect(got).toMatchObject({ values: ['v'], quorum: true })
})
