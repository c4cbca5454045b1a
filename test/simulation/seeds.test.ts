import { test } from 'vitest'
import { simulate } from './simulate.ts'

test('first seeds', async () => {
  const from = Number(process.env['FROM'] ?? 1)
  for (let seed = from; seed < from + Number(process.env['SEEDS'] ?? 60); seed += 1) {
    const report = await simulate(seed)
    console.log(
      seed,
      report.operations.length,
      report.acknowledged,
      report.traceHash,
      report.violations.length,
      JSON.stringify(report.violations.slice(0, 2)).slice(0, 300),
    )
  }
}, 600_000)
