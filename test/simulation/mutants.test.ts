/**
 * The planted defects fit the sources as they are. Whether each is caught: `npm run simulate -- --mutants`.
 */
import { readFileSync } from 'node:fs'
import { transformWithOxc } from 'vite'
import { expect, test } from 'vitest'
import { editsOf, mutants } from './mutants.ts'
import { plantedIn } from './planting.ts'

test.each(mutants)('$name: the text it replaces is there once, and what it becomes parses', async (mutant) => {
  for (const { file, from, to } of editsOf(mutant)) {
    const source = readFileSync(file, 'utf8')
    expect(source.split(from)).toHaveLength(2)
    expect(to).not.toBe(from)
    await transformWithOxc(plantedIn(source, file, mutant), file)
  }
})

test('no two planted defects have one name, and each test that is to show one is there', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  for (const { test: shown } of mutants)
    if (shown !== undefined) expect(readFileSync(shown.file, 'utf8')).toContain(shown.name)
})
