/**
 * How long a node is waited for before another one is asked besides.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { patienceMs, withAnswer } from '../../../src/core/quorum/patience.ts'

const { patienceMsMin, patienceMsMax, answerTimesKept } = bounds
const many = (count: number, ms: number) => Array.from({ length: count }, () => ms)

test.each([
  ['a node that has not answered yet', [], 5_000, patienceMsMax],
  ['one that answers at once', many(50, 3), 5_000, patienceMsMin],
  ['one that takes its time', many(50, 700), 5_000, 700],
  ['its slowest answer of few counts', [...many(50, 3), 900], 5_000, 900],
  ['one slow answer of a hundred does not', [...many(99, 3), 900], 5_000, patienceMsMin],
  ['two of a hundred do', [...many(98, 3), 900, 900], 5_000, 900],
  ['one that takes very long', many(10, 9_000), 60_000, patienceMsMax],
  ['half of a short time is left to another one', many(10, 700), 500, 250],
])('%s', (_, times, timeoutMs, expected) => {
  expect(patienceMs(times, timeoutMs)).toBe(expected)
})

test('only the last answers are kept, whatever their order', () => {
  const times = Array.from({ length: 3 * answerTimesKept }, (_, index) => 1_000 - index)
  const kept = times.reduce<readonly number[]>(withAnswer, [])
  expect(kept).toEqual(times.slice(-answerTimesKept))
  expect(patienceMs(kept, 5_000)).toBe([...kept].sort((a, b) => b - a)[1])
})
