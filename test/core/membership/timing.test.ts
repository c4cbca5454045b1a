/**
 * The waits of membership, against the formulas they come from.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { log2, presets, pushPullMs, suspicionMs, transmissions } from '../../../src/core/membership/timing.ts'

test('the logarithm is exact at powers of two, rises, and is never 0.09 too small', () => {
  for (let power = 0; power <= 10; power += 1) expect(log2(2 ** power)).toBe(power)
  for (let value = 1; value < 2000; value += 1) {
    expect(Math.log2(value) - log2(value)).toBeGreaterThanOrEqual(0)
    expect(Math.log2(value) - log2(value)).toBeLessThan(0.09)
    expect(log2(value + 1)).toBeGreaterThan(log2(value))
  }
})

test('a suspicion is the shorter the more suspect the same, from six times the least to the least', () => {
  const [none, one, two, three] = [0, 1, 2, 3].map((confirmations) => suspicionMs(presets.internet, 50, confirmations))
  expect(none).toBeCloseTo(6 * (three ?? 0), 3)
  expect(one).toBeLessThan(none ?? 0)
  expect(two).toBeLessThan(one ?? 0)
  expect(three).toBeCloseTo(5 * Math.log10(50) * 2000, -3)
  // With too few members to confirm anything, nobody is waited for.
  expect(suspicionMs(presets.internet, 3, 0)).toBe(5 * 2000)
})

test('news is told more often, and lists are exchanged less often, the more members there are', () => {
  expect([2, 9, 50, 500].map(transmissions)).toEqual([4, 4, 8, 12])
  expect([4, 32, 33, 64, 500].map((members) => pushPullMs(members) / bounds.pushPullIntervalMs)).toEqual([
    1, 1, 2, 2, 5,
  ])
})
