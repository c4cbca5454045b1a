/**
 * Goal: a compact history behaves exactly like a plain set of writes. Method: the same random steps on both.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ActorId, HybridTime } from '../../../src/core/ids.ts'
import {
  actorsOf,
  type CausalHistory,
  type Dot,
  dotName,
  emptyHistory,
  includes,
  names,
  neededUntil,
  pruned,
  unite,
  withWrite,
} from '../../../src/core/versioning/causal-history.ts'
import { type Reach, reaches } from '../../../src/core/versioning/context.ts'
import { actorName, dots, writeOf } from '../arbitraries.ts'

const everyDot: readonly Dot[] = [0, 1, 2, 3].flatMap((actor) =>
  Array.from({ length: 12 }, (_, index) => ({ actor: actorName(actor), counter: index + 1 })),
)
const expand = (history: CausalHistory) => new Set(everyDot.filter((dot) => names(history, dot)).map(dotName))
const historyOf = (all: readonly Dot[]) => all.map(writeOf).reduce(withWrite, emptyHistory)
const at = (time: number) => time as HybridTime
const times = fc.oneof(fc.constant(0), fc.nat(100)).map(at)
const nobody: ReadonlySet<never> = new Set()
/** What a replica says that has pruned names up to a time. */
const reachOf = (all: readonly Dot[], horizon: HybridTime, siblings: readonly ActorId[] = []) => ({
  history: pruned(historyOf(all), horizon, nobody),
  horizon,
  siblings,
})

test('a history names exactly the writes that were put in, and uniting is the union of sets', () => {
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

test('a pruned history names less and never more, and nothing that is still needed is gone', () => {
  fc.assert(
    fc.property(fc.array(dots), times, fc.nat(3), (all, horizon, kept) => {
      const history = historyOf(all)
      const left = pruned(history, horizon, new Set([actorName(kept)]))
      for (const name of expand(left)) expect(expand(history)).toContain(name)
      for (const dot of all)
        if (writeOf(dot).time > horizon || dot.actor === actorName(kept)) expect(names(left, dot)).toBe(true)
      for (const [actor, { last }] of actorsOf(left)) expect(last > horizon || actor === actorName(kept)).toBe(true)
    }),
  )
})

test('the names of a write that was overwritten live as long as those of the write that did it', () => {
  const old = { actor: actorName(0), counter: 1 }
  const history = historyOf([old])
  const overwritten = neededUntil(history, [old.actor, actorName(3)], at(90))
  expect(names(pruned(history, at(50), nobody), old)).toBe(false)
  expect(names(pruned(overwritten, at(89), nobody), old)).toBe(true)
  expect(names(pruned(overwritten, at(90), nobody), old)).toBe(false)
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

/** The reach of two together. */
const together = (a: Reach, b: Reach): Reach => ({
  history: unite(a.history, b.history),
  horizon: Math.max(a.horizon, b.horizon) as HybridTime,
})

test('who reaches what another has seen names every write that it does, or may have pruned it', () => {
  fc.assert(
    fc.property(fc.array(dots), fc.array(dots), times, times, (left, right, horizon, other) => {
      const [reach, part] = [reachOf(left, horizon), reachOf(right, other)]
      if (reaches(reach, part))
        for (const dot of right)
          if (names(part.history, dot)) expect(names(reach.history, dot) || writeOf(dot).time <= horizon).toBe(true)
      expect(reaches(together(reach, part), part)).toBe(true)
    }),
  )
})

test('a horizon stands for no sibling that a reader saw: a replica that never had it does not reach what was read', () => {
  const sibling = { actor: actorName(0), counter: 1 }
  const read = reachOf([sibling], at(0), [sibling.actor])
  expect(reaches(reachOf([], at(100)), read)).toBe(false)
  expect(reaches(reachOf([], at(100)), { ...read, siblings: [] })).toBe(true)
  expect(reaches({ ...reachOf([sibling], at(0)), horizon: at(100) }, read)).toBe(true)
})

test('who lags behind may name all that another has seen, and does not reach it', () => {
  const [overwritten, seen] = [
    { actor: actorName(0), counter: 1 },
    { actor: actorName(1), counter: 1 },
  ]
  const horizon = writeOf(overwritten).time
  const read = reachOf([overwritten, seen], horizon)
  const lagging = reachOf([seen], at(0))
  expect(includes(lagging.history, read.history)).toBe(true)
  expect(reaches(lagging, read)).toBe(false)
})
