/**
 * The trie: its root depends on the set alone, and changes cost little.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashOf } from '../../../src/core/hash.ts'
import { allPartitions, forestOf, itemsOf } from './sets.ts'

test('the same set has the same root, whatever was put in, replaced and taken out on the way', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.nat({ max: 400 }), fc.boolean(), (seed, count, crowded) => {
      const crowd = (key: Uint8Array) => (crowded ? Uint8Array.of(0, (key[1] ?? 0) & 0x3f, ...key.slice(2)) : key)
      const kept = itemsOf(count, seed).map(({ key, version }) => ({ key: crowd(key), version }))
      const gone = itemsOf(count, seed + 1).map(({ key, version }) => ({ key: crowd(key), version }))
      const direct = forestOf(kept)
      const detour = forestOf(gone)
      for (const { key } of [...kept].reverse()) detour.set(key, new Uint8Array(16))
      detour.view(allPartitions).proof()
      for (const { key, version } of [...kept].reverse()) detour.set(key, version)
      for (const { key } of gone) detour.set(key, null)
      expect(detour.view(allPartitions).proof()).toEqual(direct.view(allPartitions).proof())
      expect(detour.size).toBe(direct.size)
      for (const { key, version } of kept) expect(detour.version(key)).toEqual(version)
    }),
    { numRuns: 200 },
  )
})

test('different sets have different roots', () => {
  const items = itemsOf(200, 1)
  const proofs = items.map((_, index) => String(forestOf(items.slice(index)).view(allPartitions).proof()))
  expect(new Set(proofs).size).toBe(items.length)
})

test('a hundred thousand keys are hashed in at most 20,000 evaluations, and a change in at most 5', () => {
  let evaluations = 0
  const counting = (bytes: Uint8Array) => {
    evaluations += 1
    return hashOf(bytes)
  }
  const items = itemsOf(100_000, 1)
  const forest = forestOf(items, counting)
  forest.view(allPartitions).proof()
  expect(evaluations).toBeLessThanOrEqual(20_000)
  for (const [index, { version }] of itemsOf(20, 2).entries()) {
    evaluations = 0
    forest.set(items[index]?.key ?? version, version)
    forest.view(allPartitions).proof()
    expect(evaluations).toBeLessThanOrEqual(5)
  }
})
