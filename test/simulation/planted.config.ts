/**
 * The tests, with a defect planted into what they load: `PLANTED` is its place among the mutants.
 */
import { defineConfig } from 'vitest/config'
import { mutants } from './mutants.ts'
import { planting } from './planting.ts'

const mutant = mutants[Number(process.env['PLANTED'])]
if (mutant === undefined) throw new Error('PLANTED says which of the mutants')

export default defineConfig({
  plugins: [planting(mutant)],
  test: { include: ['test/**/*.test.ts'], testTimeout: 120_000 },
})
