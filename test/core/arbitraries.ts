/**
 * Random dots, writes and records for property tests.
 */
import fc from 'fast-check'
import { digestOf } from '../../src/core/hash.ts'
import type { ActorId, HybridTime } from '../../src/core/ids.ts'
import {
  type CausalHistory,
  type Dot,
  emptyHistory,
  type Written,
  withWrite,
} from '../../src/core/versioning/causal-history.ts'
import type { Record, Sibling } from '../../src/core/versioning/record.ts'

export const actorName = (index: number): ActorId => index.toString(16).padStart(16, '0') as ActorId

export const dots: fc.Arbitrary<Dot> = fc.record({
  actor: fc.integer({ min: 0, max: 3 }).map(actorName),
  counter: fc.integer({ min: 1, max: 9 }),
})

/** The write of a dot: later ones of an actor have later times. */
export const writeOf = (dot: Dot): Written => ({
  dot,
  time: (10 * dot.counter + 1 + Number.parseInt(dot.actor, 16)) as HybridTime,
})

export const histories: fc.Arbitrary<CausalHistory> = fc
  .array(dots.map(writeOf), { maxLength: 20 })
  .map((all) => all.reduce(withWrite, emptyHistory))

const siblings: fc.Arbitrary<Sibling> = fc.oneof(
  fc.record({
    kind: fc.constant('tombstone' as const),
    dot: dots,
    time: fc.integer({ min: 1 }).map((time) => time as HybridTime),
  }),
  fc.record({
    kind: fc.constant('value' as const),
    dot: dots,
    time: fc.integer({ min: 1 }).map((time) => time as HybridTime),
    value: fc.uint8Array({ maxLength: 40 }),
    expiresAt: fc.option(fc.nat()),
  }),
  fc.record({
    kind: fc.constant('expired' as const),
    dot: dots,
    time: fc.integer({ min: 1 }).map((time) => time as HybridTime),
    expiresAt: fc.nat(),
    valueHash: fc.uint8Array({ maxLength: 40 }).map(digestOf),
  }),
)

/** Any record that could be encoded, sensible or not. */
export const records: fc.Arbitrary<Record> = fc.record({
  history: histories,
  siblings: fc
    .uniqueArray(siblings, { maxLength: 6, selector: ({ dot }) => `${dot.actor}:${dot.counter}` })
    .map((all) =>
      all.sort((a, b) =>
        a.dot.actor < b.dot.actor ? -1 : a.dot.actor > b.dot.actor ? 1 : a.dot.counter - b.dot.counter,
      ),
    ),
})
