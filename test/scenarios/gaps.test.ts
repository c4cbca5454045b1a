/**
 * Counters that a boot mints: whatever fails, and whatever its writers have seen, histories and contexts stay short.
 */
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/memory/memory-store.ts'
import type { Context } from '../../src/node/api/tabring-node.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { failingStore, openByHand } from './by-hand.ts'

const puts = 1_000

/** Puts on and on, each on the context of the one before; the length of the context now and then. */
async function chain(node: StorageNode, ahead: <T>(work: Promise<T>) => Promise<T>, first: Context | null) {
  const lengths: number[] = []
  let context = first
  for (let count = 1; count <= puts; count += 1) {
    context = (await ahead(node.put('k', context, count))).context
    if (count % 250 === 0) lengths.push(context.length)
  }
  return { context, lengths }
}

test('a put that was stored nowhere leaves no gap that later writes stand beyond', async () => {
  const ring = await virtualRing({ nodes: 1 })
  for (const place of ring.world.places) ring.world.crash(place)
  const disk = failingStore(memoryStore(), ring)
  const node = await openByHand(ring, disk.store)
  disk.state.how = 'fails'
  await expect(ring.ahead(node.put('k', null, 'lost'))).rejects.toMatchObject({ code: 'storage-failed' })
  disk.state.how = 'works'
  const { lengths } = await chain(node, ring.ahead, null)
  expect(Math.max(...lengths)).toBeLessThan(100)
  const { context } = await ring.ahead(node.get('k'))
  expect(context?.length).toBeLessThan(100)
})

test('a chain of contexts beside one blind put of the same tab does not grow with its length', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const node = nodeOf(ring.world.places[0] as never)
  const first = await ring.ahead(node.put('k', null, 'first'))
  const blind = await ring.ahead(node.put('k', null, 'beside'))
  const { context, lengths } = await chain(node, ring.ahead, first.context)
  expect(Math.max(...lengths)).toBeLessThan(200)
  // The chain has overwritten what it saw, and the blind put stands beside it.
  const got = await ring.ahead(node.get('k'))
  expect(new Set(got.values)).toEqual(new Set(['beside', puts]))
  expect([blind.context, context].every((each) => each !== got.context)).toBe(true)
  expect(got.context?.length).toBeLessThan(200)
})
