/**
 * Answers, as a table: the values that a read shows, by who holds them, and up to when the others may have forgotten.
 */
import { expect, test } from 'vitest'
import { type Answer, recordOf } from '../../../src/core/acceptance/answers.ts'
import type { HybridTime } from '../../../src/core/ids.ts'
import { names } from '../../../src/core/versioning/causal-history.ts'
import { blindContext, contextOf, delta } from '../../../src/core/versioning/context.ts'
import { emptyRecord, join, prune, type Record } from '../../../src/core/versioning/record.ts'
import { actorName } from '../arbitraries.ts'

const write = (actor: number, time: number, seen = blindContext, counter = 1): Record =>
  delta(seen, {
    kind: 'value',
    dot: { actor: actorName(actor), counter },
    time: time as HybridTime,
    value: Uint8Array.of(actor),
    expiresAt: null,
  })
const answer = (record: Record, floor: number, isOwner: boolean): Answer => ({
  record,
  floor: floor as HybridTime,
  isOwner,
})
const owner = (record: Record, floor: number) => answer(record, floor, true)
const other = (record: Record, floor = 0) => answer(record, floor, false)
const shown = ({ siblings }: Record) => siblings.map(({ dot }) => `${Number.parseInt(dot.actor, 16)}:${dot.counter}`)

const old = write(1, 5)
const young = write(1, 50)
const replaced = write(2, 60, contextOf(old))
const forgotten = prune(replaced, 70 as HybridTime)

test.each([
  ['shows what anyone holds while no owner is in sync', [other(old), other(young)], ['1:1']],
  ['shows a young value that no owner has', [owner(emptyRecord, 10), other(young)], ['1:1']],
  ['shows an old value that an owner has too', [owner(old, 10), other(old)], ['1:1']],
  ['shows an old value of one owner that another lacks', [owner(old, 0), owner(emptyRecord, 10)], ['1:1']],
  ['shows no old value that an owner may have forgotten', [owner(emptyRecord, 10), other(old)], []],
  ['shows what replaced it, and it not', [owner(forgotten, 70), other(old)], ['2:1']],
  [
    'shows what replaced it, and it not, though one owner is behind',
    [owner(forgotten, 70), owner(emptyRecord, 0), other(old)],
    ['2:1'],
  ],
  ['shows no old value that a node in doubt may have forgotten', [other(forgotten, 70), other(old)], ['2:1']],
  ['shows an old value of a node that has forgotten others', [other(old, 70), other(emptyRecord)], ['1:1']],
  ['shows an old value where an owner still names all there was', [owner(emptyRecord, 4), other(old)], ['1:1']],
  [
    'shows a young value beside an old one of the same actor that may be forgotten',
    [owner(emptyRecord, 10), other(join(old, write(1, 50, blindContext, 2)))],
    ['1:2'],
  ],
])('a read %s', (_, answers, expected) => {
  for (const order of [answers, [...answers].reverse()]) expect(shown(recordOf(order))).toEqual(expected)
})

test('the context of a read names no value that it does not show for that reason', () => {
  const { history } = recordOf([owner(emptyRecord, 10), other(join(old, write(1, 50, blindContext, 2)))])
  expect([1, 2].map((counter) => names(history, { actor: actorName(1), counter }))).toEqual([false, true])
})
