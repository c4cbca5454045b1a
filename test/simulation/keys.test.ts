/**
 * The keys of simulated clients lie where they are said to.
 */
import { expect, test } from 'vitest'
import { partitionOf } from '../../src/core/hash.ts'
import { keyNamed, manyNames } from './keys.ts'

test('forty keys fall in four partitions', () => {
  expect(new Set(manyNames).size).toBe(40)
  expect(new Set(manyNames.map((name) => partitionOf(keyNamed(name)))).size).toBe(4)
})
