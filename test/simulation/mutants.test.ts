/**
 * The planted defects fit the sources as they are. Whether each is caught: `npm run simulate -- --mutants`.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'

test.each(mutants)('$name: the text it replaces is there', ({ file, from, to }) => {
  expect(readFileSync(file, 'utf8')).toContain(from)
  expect(to).not.toBe(from)
})
