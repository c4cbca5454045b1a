/**
 * Disks that fill up, and hints that are bounded, on virtual time.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { NodeId } from '../../../src/core/ids.ts'
import { HintIndex } from '../../../src/node/storage/hint-index.ts'
import { partsOf, type StorageNode } from '../../../src/node/storage-node.ts'
import { StoreFailure } from '../../../src/ports.ts'
import type { Place } from '../../simulation/world.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `key ${index}`)

test('a full node claims less and less until its share fits, no put fails for it, and it carries its share again when it has room', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 5, diskRows: 150, stayMs: 5_000 })
  const [small, other] = world.places as [Place, Place]
  world.victim = small.device
  const states: string[] = []
  nodeOf(small).on('storage', ({ state }) => states.push(state))
  const before = nodeOf(small).status().partitions.owned
  for (const key of names(300)) expect(await ahead(nodeOf(other).put(key, null, key))).toMatchObject({ quorum: true })
  await clock.run(400_000)
  expect(states[0]).toBe('full')
  const claimed = () =>
    nodeOf(other)
      .members()
      .find(({ id }) => id === nodeOf(small).id)?.capacity ?? Number.NaN
  expect(claimed()).toBeLessThan(1)
  expect(nodeOf(small).status().partitions).toMatchObject({ syncing: 0, retained: 0 })
  expect(nodeOf(small).status().partitions.owned).toBeLessThan(before / 1.5)
  for (const key of names(300)) expect((await ahead(nodeOf(small).get(key))).values).toEqual([key])
  world.calm = true
  await clock.run(3_000_000)
  expect(claimed()).toBe(1)
  expect(nodeOf(small).status().partitions).toMatchObject({ owned: before, syncing: 0 })
  expect(states.at(-1)).toBe('ok')
})

test('where each device has to hold everything, a full node claims what it did: nobody could take over', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 3, diskRows: 20 })
  const [small, other] = world.places as [Place, Place]
  world.victim = small.device
  for (const key of names(60)) expect(await ahead(nodeOf(other).put(key, null, key))).toMatchObject({ quorum: true })
  await clock.run(200_000)
  expect(nodeOf(small).status().storage).toBe('full')
  expect(
    nodeOf(other)
      .members()
      .map(({ capacity }) => capacity),
  ).toEqual([1, 1, 1])
})

/** Every key a node owns, as another node sees it. */
async function versionsOf(node: StorageNode) {
  const forest = await partsOf(node).replica.forest()
  return new Map(
    partsOf(node)
      .routing.ownedBy(node.id)
      .map((partition) => [partition, forest.itemsOf(partition)]),
  )
}

test('a tab that was away while a thousand keys changed and two hundred were deleted is back in step although hints cover few of them', async () => {
  const cap = 50
  const { world, clock, ahead } = await virtualRing({ nodes: 5, hintKeysPerTarget: cap })
  const [sleeper, writer] = world.places as [Place, Place]
  const keys = names(1_200)
  for (const key of keys) await ahead(nodeOf(writer).put(key, null, 'before'))
  const { id } = nodeOf(sleeper)
  world.crash(sleeper)
  await clock.run(5_000)
  for (const [index, key] of keys.entries()) {
    const { context } = await ahead(nodeOf(writer).get(key))
    const write = index < 1_000 ? nodeOf(writer).put(key, context, 'after') : nodeOf(writer).delete(key, context)
    expect((await ahead(write)).quorum).toBe(true)
  }
  for (const { place, node } of world.serving) {
    const owed = [...(await ahead(partsOf(node).replica.hints.owedTo(id)))]
    // What a node was asked to write itself it keeps for the owners whatever it keeps already.
    if (place !== writer) expect(owed.length).toBeLessThanOrEqual(cap)
    if (place !== writer) expect(owed.length).toBeGreaterThan(0)
  }
  world.start(sleeper)
  await clock.run(60_000)
  const node = nodeOf(sleeper)
  expect(node.status().partitions.syncing).toBe(0)
  for (const { node: each } of world.serving) expect(each.status().hints).toBe(0)
  const mine = await ahead(versionsOf(node))
  for (const { node: each } of world.serving) {
    const theirs = await ahead(versionsOf(each))
    for (const [partition, items] of mine) if (theirs.has(partition)) expect(theirs.get(partition)).toEqual(items)
  }
  for (const [index, key] of keys.entries())
    expect((await ahead(node.get(key, { r: 3 }))).values).toEqual(index < 1_000 ? ['after'] : [])
}, 60_000)

test('one hint that its node cannot take keeps no other back', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 5 })
  const [target, writer] = world.places as [Place, Place]
  const { id } = nodeOf(target)
  world.crash(target)
  await clock.run(5_000)
  // Each is a batch of its own.
  const large = 'x'.repeat(bounds.batchBytesMax)
  for (const name of names(12)) await ahead(nodeOf(writer).put(name, null, large))
  const keeper = world.serving.find(({ place, node }) => place !== writer && node.status().hints > 1)
  if (keeper === undefined) throw new Error('somebody stands in for several keys')
  const [first] = await ahead(partsOf(keeper.node).replica.hints.owedTo(id))
  world.start(target)
  await clock.run(100)
  const { replica } = partsOf(nodeOf(target))
  const take = replica.take.bind(replica)
  replica.take = (incoming, ...how) =>
    incoming.some(({ key }) => key === first)
      ? Promise.reject(new StoreFailure('failed', 'not this one'))
      : take(incoming, ...how)
  await clock.run(60_000)
  expect([...(await ahead(partsOf(keeper.node).replica.hints.owedTo(id)))]).toEqual([first])
}, 60_000)

test('hints are counted for each node and in bytes, replaced ones once, and refused beyond either', () => {
  const tally = new HintIndex({ keysPerTarget: 2, bytes: 100 })
  const [a, b] = ['a', 'b'] as NodeId[] as [NodeId, NodeId]
  tally.set('k' as never, { bytes: 40, targets: [a] })
  tally.set('k' as never, { bytes: 30, targets: [a, b] })
  tally.set('l' as never, { bytes: 30, targets: [a] })
  expect(tally.size).toBe(2)
  expect(tally.refuses('m' as never, { bytes: 1, targets: [a] })).toBe(true)
  expect(tally.refuses('m' as never, { bytes: 40, targets: [b] })).toBe(false)
  expect(tally.refuses('m' as never, { bytes: 41, targets: [b] })).toBe(true)
  expect(tally.refuses('k' as never, { bytes: 70, targets: [a, b] })).toBe(false)
  tally.limitTo(60)
  expect(tally.refuses('m' as never, { bytes: 1, targets: [b] })).toBe(true)
  tally.set('k' as never, { bytes: 0, targets: [] })
  expect(tally.refuses('m' as never, { bytes: 1, targets: [a] })).toBe(false)
  expect(tally.size).toBe(1)
})
