/**
 * The tests, with a defect planted into what they load: `PLANTED` is its name.
 */
import { defineConfig } from 'vitest/config'
import { mutants } from './mutants.ts'
import { planting } from './planting.ts'

const mutant = mutants.find(({ name }) => name === process.env['PLANTED'])
if (mutant === undefined) throw new Error('PLANTED names one of the mutants')

export default defineConfig({
  plugins: [planting(mutant)],
  test: { include: ['test/**/*.test.ts'], testTimeout: 120_000 },
})
