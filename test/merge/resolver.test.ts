/**
 * Merge types of the application's own: the function sees concurrent values, and its laws are checked in development.
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { change, fields, join, read, resolver } from '../../src/merge/merge.ts'

const concurrent = <T>(type: ReturnType<typeof resolver<T>>, values: readonly T[]) =>
  values.map((to, index) => change(type, [], { to, stamp: { actor: `actor ${index}`, time: 5 } }))

afterEach(() => vi.unstubAllEnvs())

describe('a resolver', () => {
  const highest = resolver('highest', (values: readonly number[]) => Math.max(...values))

  test('sees the values that no write has seen, and nothing where there is one', () => {
    const [a, b, c] = concurrent(highest, [3, 7, 5])
    expect(read(highest, [a, b, c])).toBe(7)
    expect(read(highest, [a])).toBe(3)
    expect(read(highest, [])).toBeUndefined()
    const next = change(highest, [a, b], { to: 1, stamp: { actor: 'actor 9', time: 6 } })
    expect(read(highest, [a, b, next])).toBe(1)
    expect(read(highest, [next, join([a, c])])).toBe(5)
  })

  test('can be the type of a field', () => {
    const type = fields({ best: highest })
    const [a, b] = [1, 2].map((best) => change(type, [], { to: { best }, stamp: { actor: `a${best}`, time: 1 } }))
    expect(read(type, [a, b])).toEqual({ best: 2 })
  })

  test('with another name does not show the values of the first', () => {
    const lowest = resolver('lowest', (values: readonly number[]) => Math.min(...values))
    expect(read(lowest, concurrent(highest, [3]))).toBeUndefined()
  })

  test('whose name cannot be part of a key is refused', () => {
    expect(() => resolver('a:b', () => 1)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('in development', () => {
  test.each([
    ['the first', 'commutative', (values: readonly number[]) => values[0] ?? 0, [1, 2]],
    ['the sum', 'idempotent', (values: readonly number[]) => values.reduce((a, b) => a + b), [1, 2]],
    ['the mean', 'associative', (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length, [1, 2]],
    [
      'the middle',
      'associative',
      (values: readonly number[]) => [...values].sort()[values.length >> 1] ?? 0,
      [3, 1, 2],
    ],
  ] as const)('%s is found not to be %s, with the values', (_name, law, resolve, values) => {
    const type = resolver('mine', resolve)
    const message = new RegExp(`^the resolver mine is not ${law}: of \\[.*\\] it makes .*, not .*$`)
    expect(() => read(type, concurrent(type, values))).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => read(type, concurrent(type, values))).toThrow(message)
  })

  test('values that only the application knows to be equal are equal', () => {
    const first = (values: readonly string[]) => values[0] ?? ''
    const type = resolver('letters', first, { equals: (a, b) => a.toLowerCase() === b.toLowerCase() })
    expect(['a', 'A']).toContain(read(type, concurrent(type, ['a', 'A'])))
    expect(() => read(type, concurrent(type, ['a', 'b']))).toThrow('commutative')
  })

  test('only: in production the function is trusted', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const type = resolver('first', (values: readonly number[]) => values[0] ?? 0)
    expect(read(type, concurrent(type, [1, 2]))).toBe(1)
  })
})
