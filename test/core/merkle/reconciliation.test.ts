/**
 * Reconciliation against plain sets: it finds the symmetric difference, all of it and nothing else, or says that it
 * could not.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Partition } from '../../../src/core/ids.ts'
import { Answering } from '../../../src/core/merkle/answering.ts'
import { Asking } from '../../../src/core/merkle/asking.ts'
import { partitionIn } from '../../../src/core/merkle/forest.ts'
import { type Item, windows } from '../../../src/core/merkle/reconciliation.ts'
import { allPartitions, differencesOf, forestOf, itemsOf, pairOf, talk, viewOf } from './sets.ts'

const names = (items: readonly Item[]) => items.map(({ key, version }) => bytesToHex(key) + bytesToHex(version)).sort()
const minus = (some: readonly Item[], others: readonly Item[]) => {
  const known = new Set(names(others))
  return names(some).filter((name) => !known.has(name))
}

/** Pairs of sets of many sizes: few or many differences, one side empty, crowded into one partition. */
const pairs = fc
  .record({
    count: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3000 })),
    share: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    emptied: fc.constantFrom('neither', 'neither', 'neither', 'left', 'right'),
    crowded: fc.boolean(),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
  })
  .map(({ count, share, emptied, crowded, seed }) => {
    const [left, right] = pairOf(count, Math.floor(count * share), seed)
    const crowd = (items: readonly Item[]) =>
      crowded
        ? items.map(({ key, version }) => ({ key: Uint8Array.of(1, key[1] ?? 0, ...key.slice(2)), version }))
        : items
    return [emptied === 'left' ? [] : crowd(left), emptied === 'right' ? [] : crowd(right)] as const
  })

test('finds exactly the symmetric difference, and what it patches with it has the root of the other', () => {
  fc.assert(
    fc.property(pairs, fc.integer({ min: 0, max: windows - 1 }), ([left, right], window) => {
      const [mine, theirs] = [viewOf(left), viewOf(right)]
      const asking = new Asking(mine, window)
      const { messages, roundTrips } = talk(asking, new Answering(theirs))
      const found = differencesOf(asking)
      expect(found).not.toBeNull()
      expect(names(found?.theirs ?? [])).toEqual(minus(right, left))
      expect(names(found?.ours ?? [])).toEqual(minus(left, right))
      expect(messages).toBeLessThanOrEqual(6)
      expect(roundTrips).toBeLessThanOrEqual(2)
      const removed = (found?.ours ?? []).map(({ key }) => ({ key, version: null }))
      expect(mine.patched([...removed, ...(found?.theirs ?? [])]).proof()).toEqual(theirs.proof())
    }),
    { numRuns: 1000 },
  )
})

test('with fingerprints of eight bits accepts nothing wrong, and another part of the hashes finds what one has missed', () => {
  let missed = 0
  fc.assert(
    fc.property(pairs, ([left, right]) => {
      const cut = (word: number) => word >>> 24
      const answers = Array.from({ length: windows }, (_, window) => {
        const asking = new Asking(viewOf(left), window, Number.POSITIVE_INFINITY, cut)
        talk(asking, new Answering(viewOf(right), Number.POSITIVE_INFINITY, cut))
        return differencesOf(asking)
      })
      for (const found of answers) {
        if (found === null) missed += 1
        else {
          expect(names(found.theirs)).toEqual(minus(right, left))
          expect(names(found.ours)).toEqual(minus(left, right))
        }
      }
    }),
    { numRuns: 150 },
  )
  expect(missed).toBeGreaterThan(0)
})

test('two nodes that share some partitions compare those and no others', () => {
  const [left, right] = pairOf(2000, 200, 7)
  const shared = allPartitions.filter((partition) => partition % 3 === 0)
  const isShared = ({ key }: Item) => shared.includes(partitionIn(key))
  const asking = new Asking(forestOf(left).view(shared), 0)
  talk(asking, new Answering(forestOf(right).view(shared)))
  expect(names(differencesOf(asking)?.theirs ?? [])).toEqual(minus(right.filter(isShared), left.filter(isShared)))
})

test('two nodes that do not mean the same partitions find out', () => {
  const items = itemsOf(500, 3)
  const asking = new Asking(forestOf(items).view([1, 2, 3] as Partition[]), 0)
  const answer = new Answering(forestOf(items).view([1, 2, 4] as Partition[])).answer(asking.begin())
  const rest = asking.next(answer as Uint8Array)
  expect(rest === 'over' && asking.isEqual).toBe(false)
})

test('a view stays as it was while the forest goes on', () => {
  const forest = forestOf(itemsOf(300, 1))
  const view = forest.view(allPartitions)
  const before = view.proof()
  for (const { key, version } of itemsOf(300, 2)) forest.set(key, version)
  expect(view.proof()).toEqual(before)
  expect(forest.view(allPartitions).proof()).not.toEqual(before)
})

test('where an answer would list too many items it says how many there are, and fewer partitions are compared', () => {
  const items = itemsOf(3000, 4)
  const asking = new Asking(viewOf([]), 0)
  talk(asking, new Answering(viewOf(items), 1000))
  expect(asking.tooMuch).toBe(3000)
  const some = allPartitions.slice(0, 256)
  const fewer = new Asking(forestOf([]).view(some), 0)
  talk(fewer, new Answering(forestOf(items).view(some), 1000))
  expect(fewer.tooMuch).toBeNull()
  expect(differencesOf(fewer)?.theirs.length).toBe(items.filter(({ key }) => partitionIn(key) < 256).length)
})

test('it says so too where half of the items are there already: a first fetch that was interrupted', () => {
  const items = itemsOf(3000, 4)
  const asking = new Asking(viewOf(items.filter(({ key }) => partitionIn(key) < 512)), 0)
  talk(asking, new Answering(viewOf(items), 1000))
  expect(asking.tooMuch).toBe(3000)
  // What few items differ are listed, however many there are.
  const behind = new Asking(viewOf(items.slice(10)), 0)
  talk(behind, new Answering(viewOf(items), 1000))
  expect(differencesOf(behind)?.theirs.length).toBe(10)
})

test('where the side that asks would have to go through too many items it stops, and fewer partitions are compared', () => {
  const items = itemsOf(3000, 4)
  for (const there of [[], items.slice(0, 30)]) {
    const asking = new Asking(viewOf(items), 0, 1000)
    talk(asking, new Answering(viewOf(there), 1000))
    expect(asking.tooMuch).toBe(3000)
    expect(differencesOf(asking)).toBeNull()
  }
  const some = allPartitions.slice(0, 256)
  const fewer = new Asking(forestOf(items).view(some), 0, 1000)
  talk(fewer, new Answering(forestOf([]).view(some), 1000))
  expect(differencesOf(fewer)?.ours.length).toBe(items.filter(({ key }) => partitionIn(key) < 256).length)
  // Where few of many differ, the others are not gone through.
  const ahead = new Asking(viewOf(items), 0, 1000)
  talk(ahead, new Answering(viewOf(items.slice(10)), 1000))
  expect(differencesOf(ahead)?.ours.length).toBe(10)
})

test('one partition is compared at once, however many items it has', () => {
  const items = itemsOf(1000, 8).map(({ key, version }) => ({ key: Uint8Array.of(0, 0, ...key.slice(2)), version }))
  const one = [0 as Partition]
  for (const [left, right] of [
    [items, []],
    [[], items],
  ]) {
    const asking = new Asking(forestOf(left ?? []).view(one), 0, 100)
    talk(asking, new Answering(forestOf(right ?? []).view(one), 100))
    expect(asking.tooMuch).toBeNull()
    const found = differencesOf(asking)
    expect((found?.ours.length ?? 0) + (found?.theirs.length ?? 0)).toBe(1000)
  }
})

test('a probe says whether anything differs, and nothing else', () => {
  const [left, right] = pairOf(1000, 1, 5)
  const probe = new Asking(viewOf(left), 0)
  expect(talk(probe, new Answering(viewOf(left)), 'probe').bytes).toBeLessThanOrEqual(48)
  expect(probe.isEqual).toBe(true)
  const other = new Asking(viewOf(left), 0)
  talk(other, new Answering(viewOf(right)), 'probe')
  expect(other.isEqual).toBe(false)
})

describe('bytes that make no sense', () => {
  test('are refused by both sides, and never throw nor hang', () => {
    const [left, right] = pairOf(300, 100, 9)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat({ max: 255 }), (noise, place, byte) => {
        const asking = new Asking(viewOf(left), 0)
        const answering = new Answering(viewOf(right))
        new Answering(viewOf(right)).answer(noise)
        new Asking(viewOf(left), 0).next(noise)
        let question: Uint8Array | 'over' | null = asking.begin()
        while (question instanceof Uint8Array) {
          const answer = answering.answer(question)
          if (answer === null) break
          answer[place % answer.length] = byte
          question = asking.next(answer)
        }
        const found = differencesOf(asking)
        if (question === 'over' && found !== null && !asking.isEqual) {
          expect(names(found.theirs)).toEqual(minus(right, left))
        }
      }),
      { numRuns: 500 },
    )
  })
})
