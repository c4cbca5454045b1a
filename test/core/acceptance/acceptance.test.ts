/**
 * Acceptance, as a table: what becomes of a value that an owner lacks, by what the owner names, what it has received,
 * and up to when it may have pruned names.
 */
import { describe, expect, test } from 'vitest'
import { accept, type Terms } from '../../../src/core/acceptance/acceptance.ts'
import type { HybridTime } from '../../../src/core/ids.ts'
import { emptyHistory, names, withWrite } from '../../../src/core/versioning/causal-history.ts'
import { blindContext, contextOf, delta, type SeenContext } from '../../../src/core/versioning/context.ts'
import { emptyRecord, join, type Record, type Sibling } from '../../../src/core/versioning/record.ts'
import { actorName } from '../arbitraries.ts'

const at = (time: number) => time as HybridTime
const write = (
  actor: number,
  time: number,
  seen: SeenContext = blindContext,
  kind: 'value' | 'tombstone' = 'value',
) => {
  const written = { dot: { actor: actorName(actor), counter: 1 }, time: at(time) }
  const sibling: Sibling =
    kind === 'value' ? { kind, ...written, value: Uint8Array.of(actor), expiresAt: null } : { kind, ...written }
  return delta(seen, sibling)
}
const terms = (some: Partial<Terms>): Terms => ({
  origin: 'exchanged',
  received: [],
  floor: at(0),
  giverFloor: at(0),
  ...some,
})
const actorsIn = ({ siblings }: Record) => siblings.map(({ dot }) => Number.parseInt(dot.actor, 16))

const old = write(1, 5)
const young = write(1, 50)
const overwritten = write(2, 60, contextOf(old))
const deleted = write(2, 5, blindContext, 'tombstone')

describe('a value that the owner lacks', () => {
  test.each([
    ['that is younger than the floor', emptyRecord, young, terms({ floor: at(10) }), [1], 0, false],
    ['that is older than the floor', emptyRecord, old, terms({ floor: at(10) }), [1], 1, false],
    // Not told back: without the write that overwrote it the giver would show neither.
    ['that its history names', overwritten, old, terms({ floor: at(10) }), [2], 0, false],
    ['that it had received before', emptyRecord, old, terms({ floor: at(10), received: old.siblings }), [], 0, true],
    ['that it had received before, young', emptyRecord, young, terms({ received: young.siblings }), [], 0, true],
    ['as a put or hint, old', emptyRecord, old, terms({ origin: 'written', floor: at(10) }), [1], 1, false],
    [
      'as a put or hint, received',
      emptyRecord,
      old,
      terms({ origin: 'written', received: old.siblings }),
      [1],
      0,
      false,
    ],
    ['as a read found it, young', emptyRecord, young, terms({ origin: 'read', floor: at(10) }), [1], 0, false],
    ['as a read found it, old', emptyRecord, old, terms({ origin: 'read', floor: at(10) }), [], 0, false],
    ['as a tombstone, old', emptyRecord, deleted, terms({ floor: at(10) }), [2], 0, false],
    ['as a tombstone, received', emptyRecord, deleted, terms({ received: deleted.siblings }), [], 0, true],
  ] as const)('%s', (_, mine, incoming, on, left, late, isToldBack) => {
    const accepted = accept(mine, incoming, on)
    expect(actorsIn(accepted.record)).toEqual(left)
    expect(accepted.late).toHaveLength(late)
    expect(accepted.overwritten !== null).toBe(isToldBack)
    expect(accepted.isNews).toBe(left.some((actor) => !actorsIn(mine).includes(actor)))
  })

  test('and had received is named to its giver, which drops it and nothing else', () => {
    const held = join(old, write(3, 70))
    const { overwritten: told } = accept(emptyRecord, old, terms({ received: old.siblings }))
    expect(actorsIn(join(held, { history: told ?? emptyHistory, siblings: [] }))).toEqual([3])
  })

  test('and had received is dropped alone: what it had not received beside it is taken in, and told if old', () => {
    const both = join(old, write(3, 6))
    const accepted = accept(emptyRecord, both, terms({ floor: at(10), received: both.siblings.slice(0, 1) }))
    expect(actorsIn(accepted.record)).toEqual([3])
    expect(accepted.late).toEqual(both.siblings.slice(1))
    expect(actorsIn(join(both, { history: accepted.overwritten ?? emptyHistory, siblings: [] }))).toEqual([3])
  })

  test('and a read found, old, leaves no name behind: it is not overwritten', () => {
    const { record } = accept(emptyRecord, old, terms({ origin: 'read', floor: at(10) }))
    expect(names(record.history, { actor: actorName(1), counter: 1 })).toBe(false)
  })
})

describe('a value that a giver lacks which takes nothing in', () => {
  const mine = join(old, write(3, 70))
  const giver = { history: withWrite(emptyHistory, { dot: { actor: actorName(4), counter: 1 }, time: at(80) }) }
  const holding = { ...giver, siblings: write(4, 80).siblings }

  test('is told where that one may have forgotten that it was overwritten', () => {
    expect(accept(mine, holding, terms({ giverFloor: at(10) })).late).toEqual(old.siblings)
    expect(accept(mine, holding, terms({ giverFloor: at(4) })).late).toEqual([])
  })

  test('is not told where that one holds nothing of the key', () => {
    expect(accept(mine, { ...giver, siblings: [] }, terms({ giverFloor: at(10) })).late).toEqual([])
  })
})
