/**
 * The planted defects fit the sources as they are. Whether each is caught: `npm run simulate -- --mutants`.
 */
import { readFileSync } from 'node:fs'
import { transformWithOxc } from 'vite'
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'

test.each(mutants)('$name: the text it replaces is there, and what it becomes parses', async ({ file, from, to }) => {
  const source = readFileSync(file, 'utf8')
  expect(source).toContain(from)
  expect(to).not.toBe(from)
  await transformWithOxc(
    source.replace(from, () => to),
    file,
  )
})
