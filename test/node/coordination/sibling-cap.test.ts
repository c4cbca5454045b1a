/**
 * Many writers of one key: those who read keep it small, and those who do not are kept in bounds by its owners.
 */

import { afterEach, expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { storedKey } from '../../../src/core/stored-key.ts'
import { type MemoryCluster, openCluster } from '../../../src/memory/open-cluster.ts'
import type { NodeEvents } from '../../../src/node/api/tabring-node.ts'
import { Coordinator } from '../../../src/node/coordination/coordinator.ts'
import { SiblingCap } from '../../../src/node/coordination/sibling-cap.ts'
import type { Replica } from '../../../src/node/storage/replica.ts'
import { partsOf } from '../../../src/node/storage-node.ts'
import { StoreFailure } from '../../../src/ports.ts'
import type { Place } from '../../simulation/world.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

let cluster: MemoryCluster | undefined
afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** What owners tell of keys they have resolved. */
function heardIn(ring: MemoryCluster): NodeEvents['crowded'][] {
  const heard: NodeEvents['crowded'][] = []
  for (const node of ring.nodes) node?.on('crowded', (event) => heard.push(event))
  return heard
}

test('blind puts beyond the cap are resolved by an owner, which tells of every value it has replaced', async () => {
  cluster = await openCluster({ nodes: 5 })
  const ring = cluster
  const heard = heardIn(ring)
  const written = Array.from({ length: bounds.siblingsMax + 1 }, (_, index) => index)
  for (const value of written) await ring.node(value % 5).put('hot', null, value)
  await expect
    .poll(async () => (await ring.node(1).get('hot')).values, { timeout: 10_000 })
    .toEqual([bounds.siblingsMax])
  await expect.poll(() => heard.length).toBe(1)
  const [first] = heard
  expect(first).toMatchObject({ key: 'hot', siblings: written.length })
  expect([...(first?.values ?? [])].sort((a, b) => Number(a) - Number(b))).toEqual(written)
})

test('a put that was under way while an owner resolved stays beside what the owner has written', async () => {
  cluster = await openCluster({ nodes: 3 })
  const ring = cluster
  const heard = heardIn(ring)
  const mine = await ring.node(0).put('hot', null, 'mine')
  for (let value = 0; value < bounds.siblingsMax; value += 1) await ring.node(value % 3).put('hot', null, value)
  await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(1)
  await ring.node(0).put('hot', mine.context, 'mine again')
  const { values } = await ring.node(2).get('hot')
  expect([...values].sort()).toEqual([bounds.siblingsMax - 1, 'mine again'])
})

test('at the cap nothing is resolved', async () => {
  cluster = await openCluster({ nodes: 3 })
  const ring = cluster
  const heard = heardIn(ring)
  for (let value = 0; value < bounds.siblingsMax; value += 1) await ring.node(value % 3).put('hot', null, value)
  expect((await ring.node(0).get('hot')).values).toHaveLength(bounds.siblingsMax)
  // One more is resolved, alone: so was nothing before.
  await ring.node(0).put('hot', null, 'one more')
  await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(1)
  expect(heard[0]?.values).toHaveLength(bounds.siblingsMax + 1)
})

test('what could not be resolved is not tried again at once', async () => {
  const { clock, world, ahead } = await virtualRing({ nodes: 1 })
  const node = nodeOf(world.places[0] as Place)
  for (const value of [1, 2, 3]) await ahead(node.put('hot', null, value))
  const key = storedKey({ collection: '', group: null, key: 'hot' })
  let tries = 0
  const parts = partsOf(node)
  const refused = () => {
    tries += 1
    return Promise.reject(new StoreFailure('full', 'no room'))
  }
  const replica = { read: parts.replica.read.bind(parts.replica), take: refused } as unknown as Replica
  const coordinator = new Coordinator({ ...parts, ...parts.coordinator, clock: parts.ports.clock, replica })
  coordinator.onOwnRequest = (request) =>
    request.type === 'get'
      ? parts.coordinator.onOwnRequest(request)
      : Promise.reject(new StoreFailure('full', 'no room'))
  const siblingCap = new SiblingCap(coordinator, { ...parts.config, siblingsMax: 2 }, parts.values)
  const noticed = () => ahead(siblingCap.noticed(key, 3))
  await noticed()
  await noticed()
  expect(tries).toBe(1)
  await clock.run(bounds.reliefRetryMs)
  await noticed()
  expect(tries).toBe(2)
})

test('of an expired value and one that lasts, the one that lasts takes the place of all', async () => {
  cluster = await openCluster({ nodes: 3 })
  const ring = cluster
  const expiresAt = new Date(Date.now() - 1_000)
  for (let value = 0; value < bounds.siblingsMax; value += 1) await ring.node(value % 3).put('hot', null, value)
  await ring.node(0).put('hot', null, 'over', { expiresAt })
  await expect
    .poll(async () => (await ring.node(1).get('hot')).values, { timeout: 10_000 })
    .toEqual([bounds.siblingsMax - 1])
})

test('sixteen writers who read before they write never make more than sixteen siblings, and none that a writer had seen', async () => {
  cluster = await openCluster({ nodes: 5 })
  const ring = cluster
  const writers = 16
  const rounds = 10_000
  const faults: string[] = []
  /** What each value had seen, itself included: of each writer the last of its rounds. */
  const seenBy = new Map<string, readonly number[]>()
  let round = 0
  let most = 0
  const work = async (writer: number) => {
    for (let own = 1; round < rounds; own += 1) {
      round += 1
      const node = ring.node((writer + own) % 5)
      const { values, context } = await node.get<string>('hot')
      most = Math.max(most, values.length)
      for (const value of values) {
        for (const other of values) {
          const [of = 0, turn = 0] = value.split(' ').map(Number)
          if (other !== value && (seenBy.get(other)?.[of] ?? 0) >= turn) faults.push(`${value} beside ${other}`)
        }
      }
      const seen = Array.from({ length: writers }, (_, of) =>
        Math.max(0, ...values.map((value) => seenBy.get(value)?.[of] ?? 0)),
      )
      seen[writer] = own
      seenBy.set(`${writer} ${own}`, seen)
      const { quorum } = await node.put('hot', context, `${writer} ${own}`)
      if (!quorum) faults.push(`${writer} ${own} had no quorum`)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => work(writer)))
  expect(faults).toEqual([])
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(writers)
}, 120_000)
