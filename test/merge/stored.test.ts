/**
 * The form in which merge states are stored: small, bounded by what is shown and by who wrote, and harmless where it
 * was made by a stranger.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  change,
  counter,
  each,
  fields,
  join,
  latest,
  type MergeType,
  read,
  set,
  unread,
} from '../../src/merge/merge.ts'
import { ValueCodec } from '../../src/node/api/value-codec.ts'

const codec = new ValueCodec()
const bytesOf = (value: unknown) => codec.encode(value).length
const day = 86_400_000
const start = Date.UTC(2026, 0, 1)
/** 64 random bits, as a tab would name itself. */
const actor = (number: number) => `actor${String(number).padStart(6, '0')}`

/** The value after writes of these actors, one write each. */
function afterWrites<T>(
  type: MergeType<T>,
  writes: readonly { readonly by: number; readonly to: (shown: T | undefined) => T }[],
) {
  return writes.reduce<readonly unknown[]>((values, { by, to }, index) => {
    const stamp = { actor: actor(by), time: start + index * 1000 }
    return [change(type, values, { to: to(read(type, values)), stamp })]
  }, [])
}

describe('bytes beyond the plain value', () => {
  const todo = { title: 'eggs', done: false, place: 'shop', due: 5, note: 'white ones' }

  test('37 for a value, 3 for each of its fields', () => {
    const [value] = afterWrites(fields<typeof todo>(), [{ by: 1, to: () => todo }])
    const beyond = bytesOf(value) - bytesOf(todo)
    expect(beyond).toBeLessThanOrEqual(37 + 3 * 5)
    const [one] = afterWrites(latest<string>(), [{ by: 1, to: () => 'x' }])
    expect(bytesOf(one) - bytesOf('x')).toBeLessThanOrEqual(37)
  })

  test('22 for each other actor that wrote, and 5 for each of its writes that still shows', () => {
    const edits = [
      { by: 1, to: () => todo },
      { by: 1, to: () => ({ ...todo, done: true }) },
      { by: 2, to: (shown = todo) => ({ ...shown, title: 'milk' }) },
      { by: 2, to: (shown = todo) => ({ ...shown, place: 'market' }) },
    ]
    const type = fields<typeof todo>()
    const sizes = [1, 2, 3, 4].map((count) => {
      const values = afterWrites(type, edits.slice(0, count))
      return bytesOf(values[0]) - bytesOf(read(type, values))
    })
    expect(sizes[1]).toBeLessThanOrEqual((sizes[0] ?? 0) + 5)
    expect(sizes[2]).toBeLessThanOrEqual((sizes[1] ?? 0) + 22)
    expect(sizes[3]).toBeLessThanOrEqual((sizes[2] ?? 0) + 5)
  })

  test('3 for an element of a set or an entry that came with others, 8 for one that came alone', () => {
    const tags = Array.from({ length: 100 }, (_, index) => `tag ${index}`)
    const together = afterWrites(set<string>(), [{ by: 1, to: () => tags }])
    expect(bytesOf(together[0]) - bytesOf(tags)).toBeLessThanOrEqual(40 + 3 * 100)
    const alone = afterWrites(
      set<string>(),
      tags.map((tag) => ({ by: 1, to: (shown: readonly string[] = []) => [...shown, tag] })),
    )
    expect(bytesOf(alone[0]) - bytesOf(tags)).toBeLessThanOrEqual(40 + 8 * 100)
    const cart = Object.fromEntries(tags.map((tag) => [tag, 1]))
    const counts = afterWrites(each(counter()), [{ by: 1, to: () => cart }])
    expect(bytesOf(counts[0]) - bytesOf(cart)).toBeLessThanOrEqual(40 + 3 * 100)
  })

  test('26 for each actor that has counted: 1 MiB holds 40,000 of them', () => {
    const writes = Array.from({ length: 300 }, (_, by) => ({ by, to: (shown = 0) => shown + 1 }))
    const [value] = afterWrites(counter(), writes)
    expect(read(counter(), [value])).toBe(300)
    expect(bytesOf(value) / 300).toBeLessThanOrEqual(26)
  })
})

describe('a state does not grow with what is over', () => {
  test('of a set, a cart and rows that come and go only the names of their writers stay', () => {
    const type = fields({
      tags: set<number>(),
      cart: each(counter()),
      rows: each(fields<{ at: number }>()),
      title: latest<number>(),
    })
    const sizes = [20, 200].map((rounds) => {
      const writes = Array.from({ length: rounds }, (_, round) => ({
        by: round % 3,
        to: () => ({
          tags: [round],
          cart: { [`item ${round}`]: round },
          rows: { [`row ${round}`]: { at: round } },
          title: round,
        }),
      }))
      return bytesOf(afterWrites(type, writes)[0])
    })
    expect(sizes[1]).toBeLessThanOrEqual((sizes[0] ?? 0) + 10)
  })

  test('remains of a row that was removed while it was edited are gone after the next write', () => {
    const type = each(fields<{ title: string; done: boolean }>())
    const row = { title: 'x', done: false }
    const made = afterWrites(type, [{ by: 1, to: () => ({ row }) }])
    const edited = change(type, made, { to: { row: { ...row, done: true } }, stamp: { actor: 'a', time: start } })
    const removed = change(type, made, { to: {}, stamp: { actor: 'b', time: start } })
    expect(read(type, [edited, removed])).toEqual({})
    const next = change(type, [edited, removed], { to: {}, stamp: { actor: 'c', time: start } })
    expect(JSON.stringify(join([edited, removed]))).toContain('row')
    expect(JSON.stringify(next)).not.toContain('row')
  })
})

describe('a value from a stranger', () => {
  const types = [
    latest<unknown>(),
    counter(),
    set<unknown>(),
    each(each(counter())),
    fields({ tags: set(), n: counter() }),
  ]
  const stored = afterWrites(fields({ tags: set(), n: counter() }), [
    { by: 1, to: () => ({ tags: ['a', { b: 1 }], n: 1 }) },
    { by: 2, to: () => ({ tags: [], n: 2 }) },
  ])[0]

  /** The stored value with one of its parts replaced by something else. */
  const altered = fc
    .tuple(
      fc.nat(200),
      fc.oneof(fc.anything({ withBigInt: true, withDate: true }), fc.constantFrom('length', -1, 2 ** 53, 5n)),
    )
    .map(([place, other]) => {
      let at = 0
      const copy = (value: unknown): unknown => {
        at += 1
        if (at === place) return other
        if (Array.isArray(value)) return value.map(copy)
        if (typeof value !== 'object' || value === null) return value
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]))
      }
      return copy(stored)
    })
  const hostile = fc.oneof(
    altered,
    fc.anything({ withBigInt: true, withDate: true }),
    fc.tuple(fc.constant('~merge'), fc.anything(), fc.anything()),
  )

  test('never breaks a read, and a change shows what it wants and keeps the honest part', () => {
    const check = (value: unknown) => {
      for (const type of types) expect(() => read(type as MergeType<unknown>, [value, stored])).not.toThrow()
      expect(() => unread(types[4] as MergeType<unknown>, [value])).not.toThrow()
      const type = set<string>()
      const mine = change(type, [value], { to: ['mine'], stamp: { actor: 'me', time: 5 } })
      expect(read(type, [mine])).toEqual(['mine'])
      expect(read(type, [mine, value])).toContain('mine')
    }
    fc.assert(fc.property(hostile, check), { numRuns: 300 })
  })

  test('is joined to itself and to others, however often it comes', () => {
    const check = (a: unknown, b: unknown) => {
      expect(join([a, a])).toEqual(join([a]))
      expect(() => join([a, b, stored])).not.toThrow()
    }
    fc.assert(fc.property(hostile, hostile, check), { numRuns: 300 })
  })

  test('with a time at the end of all times does not end the writing', () => {
    const last = ['~merge', ['them', 2 ** 52], [{ l: [0, 'theirs'] }]]
    expect(read(latest<string>(), [last])).toBe('theirs')
    const mine = change(latest<string>(), [last], { to: 'mine', stamp: { actor: 'me', time: start + day } })
    expect(read(latest<string>(), [mine])).toBe('mine')
    const next = change(latest<string>(), [mine], { to: 'next', stamp: { actor: 'me', time: start + day } })
    expect(read(latest<string>(), [next])).toBe('next')
  })
})
