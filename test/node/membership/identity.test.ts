import { expect, test } from 'vitest'
import { scopeOf } from '../../../src/browser/identity.ts'

test('no two clusters or devices have a database in common, whatever their names hold', () => {
  expect(scopeOf('team:1', 'x')).not.toBe(scopeOf('team', '1:x'))
  expect(scopeOf('team', 'x:0')).not.toBe(scopeOf('team', 'x'))
  expect(scopeOf('a%3Ab', '')).not.toBe(scopeOf('a:b', ''))
})
