/**
 * A fixed set of seeds on every run: no violation, and the same seed twice is the same run. More seeds: `npm run simulate`.
 */
import { describe, expect, test } from 'vitest'
import { simulate } from './simulate.ts'

const seedsWithFaults = 100
const seedsWithout = 10
const seedsTwice = 5
const testTimeoutMs = 600_000

const seeds = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('simulated clusters', () => {
  test(
    'lose nothing, invent nothing and agree in the end, whatever fails',
    async () => {
      for (const seed of seeds(seedsWithFaults)) {
        const { violations } = await simulate(seed)
        expect(violations, `npm run simulate -- --from ${seed} --seeds 1`).toEqual([])
      }
    },
    testTimeoutMs,
  )

  test(
    'do so on good days too, with every operation answered',
    async () => {
      for (const seed of seeds(seedsWithout)) {
        const { violations, operations } = await simulate(seed, { faults: false })
        expect(violations, `npm run simulate -- --calm --from ${seed} --seeds 1`).toEqual([])
        expect(operations.every(({ status }) => status !== 'fail')).toBe(true)
      }
    },
    testTimeoutMs,
  )

  test(
    'run the same way twice under one seed',
    async () => {
      for (const seed of seeds(seedsTwice)) {
        const [first, second] = [await simulate(seed), await simulate(seed)]
        expect(second.traceHash).toBe(first.traceHash)
      }
    },
    testTimeoutMs,
  )
})
