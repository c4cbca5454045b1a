/**
 * Goal: a compact history behaves exactly like a plain set of dots. Method: the same random steps on both.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  actorsOf,
  type CausalHistory,
  covers,
  type Dot,
  dotName,
  emptyHistory,
  includes,
  unite,
  withDot,
} from '../../../src/core/versioning/causal-history.ts'
import { actorName, dots } from '../arbitraries.ts'

const everyDot: readonly Dot[] = [0, 1, 2, 3].flatMap((actor) =>
  Array.from({ length: 12 }, (_, index) => ({ actor: actorName(actor), counter: index + 1 })),
)
const expand = (history: CausalHistory) => new Set(everyDot.filter((dot) => covers(history, dot)).map(dotName))
const historyOf = (all: readonly Dot[]) => all.reduce(withDot, emptyHistory)

test('a history covers exactly the dots that were put in, and uniting is the union of sets', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), (left, right) => {
      expect(expand(historyOf(left))).toEqual(new Set(left.map(dotName)))
      expect(expand(unite(historyOf(left), historyOf(right)))).toEqual(new Set([...left, ...right].map(dotName)))
    }),
  )
})

test('one history includes another exactly where the set does', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), (left, right) => {
      const all = new Set(left.map(dotName))
      expect(includes(historyOf(left), historyOf(right))).toBe(right.every((dot) => all.has(dotName(dot))))
      expect(includes(historyOf([...left, ...right]), historyOf(right))).toBe(true)
    }),
  )
})

test('equal sets of dots have equal representations, whatever the order they came in', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.func(fc.integer()), (all, order) => {
      const shuffled = [...all].sort((a, b) => order(dotName(a)) - order(dotName(b)))
      expect(actorsOf(historyOf(shuffled))).toEqual(actorsOf(historyOf(all)))
    }),
  )
})

test('dots that continue the vector are folded into it', () => {
  const actor = actorName(1)
  const gap = historyOf([
    { actor, counter: 1 },
    { actor, counter: 3 },
  ])
  expect(gap.get(actor)).toEqual({ upTo: 1, beyond: [3] })
  expect(withDot(gap, { actor, counter: 2 }).get(actor)).toEqual({ upTo: 3, beyond: [] })
})
