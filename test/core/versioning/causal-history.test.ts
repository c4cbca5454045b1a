/**
 * Goal: a compact history behaves exactly like a plain set of writes. Method: the same random steps on both.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HybridTime } from '../../../src/core/ids.ts'
import {
  actorsOf,
  type CausalHistory,
  covers,
  type Dot,
  dotName,
  emptyHistory,
  includes,
  reaches,
  unite,
  upToHorizon,
  withWrite,
} from '../../../src/core/versioning/causal-history.ts'
import { actorName, dots, writeOf } from '../arbitraries.ts'

const everyDot: readonly Dot[] = [0, 1, 2, 3].flatMap((actor) =>
  Array.from({ length: 12 }, (_, index) => ({ actor: actorName(actor), counter: index + 1 })),
)
const expand = (history: CausalHistory) => new Set(everyDot.filter((dot) => covers(history, writeOf(dot))).map(dotName))
const historyOf = (all: readonly Dot[], horizon = 0) =>
  upToHorizon(all.map(writeOf).reduce(withWrite, emptyHistory), horizon as HybridTime)
/** The dots of a set and all that were written up to a time. */
const setOf = (all: readonly Dot[], horizon = 0) =>
  new Set([...all, ...everyDot.filter((dot) => writeOf(dot).time <= horizon)].map(dotName))
const times = fc.oneof(fc.constant(0), fc.nat(100))

test('a history covers exactly the writes that were put in and those up to its horizon, and uniting is the union of sets', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), times, times, (left, right, early, late) => {
      expect(expand(historyOf(left, early))).toEqual(setOf(left, early))
      const united = unite(historyOf(left, early), historyOf(right, late))
      expect(expand(united)).toEqual(setOf([...left, ...right], Math.max(early, late)))
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

test('what is said to be included is, whatever was forgotten', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), times, times, (left, right, early, late) => {
      const history = historyOf(left, early)
      if (!includes(history, historyOf(right, late))) return
      for (const dot of right) if (writeOf(dot).time > late) expect(covers(history, writeOf(dot))).toBe(true)
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

test('no actor is kept that wrote nothing after the horizon', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), times, (left, right, horizon) => {
      const united = unite(historyOf(left, horizon), historyOf(right))
      for (const [, { last }] of actorsOf(united)) expect(last).toBeGreaterThan(horizon)
    }),
  )
})

test('dots that continue the vector are folded into it', () => {
  const actor = actorName(1)
  const gap = historyOf([
    { actor, counter: 1 },
    { actor, counter: 3 },
  ])
  const last = writeOf({ actor, counter: 3 }).time
  expect(gap.actors.get(actor)).toEqual({ upTo: 1, beyond: [3], last })
  expect(withWrite(gap, writeOf({ actor, counter: 2 })).actors.get(actor)).toEqual({ upTo: 3, beyond: [], last })
})

test('who reaches a history covers every write that it covers, those of its horizon too', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), times, times, (left, right, horizon, other) => {
      const [history, part] = [historyOf(left, horizon), historyOf(right, other)]
      if (reaches(history, part)) for (const name of expand(part)) expect(expand(history)).toContain(name)
      expect(reaches(unite(history, part), part)).toBe(true)
    }),
  )
})

test('who lags behind may have all that a history names, and does not reach it', () => {
  const [overwritten, seen] = [
    { actor: actorName(0), counter: 1 },
    { actor: actorName(1), counter: 1 },
  ]
  const horizon = writeOf(overwritten).time
  const read = upToHorizon(historyOf([overwritten, seen]), horizon)
  const lagging = historyOf([seen])
  if (writeOf(seen).time <= horizon) throw new Error('the second is the later one')
  expect(includes(lagging, read)).toBe(true)
  expect(reaches(lagging, read)).toBe(false)
})
