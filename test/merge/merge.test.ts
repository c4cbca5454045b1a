/**
 * What changes mean, case by case: forms saved late, removals, definitions that differ, values without a state.
 */
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
  resolver,
  set,
  unread,
} from '../../src/merge/merge.ts'

let clock = 1000
/** One write by an actor that never wrote before. */
function write<T>(type: MergeType<T>, values: readonly unknown[], to: T | undefined, from?: T): unknown {
  clock += 1
  const stamp = { actor: `actor ${clock}`, time: clock }
  return change(type, values, from === undefined ? { to, stamp } : { to, from, stamp })
}

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly tags: readonly string[]
  readonly votes: number
  readonly note?: string
}
const Todo = fields<Todo>({ tags: set(), votes: counter() })
const eggs: Todo = { title: 'eggs', done: false, tags: [], votes: 0 }

describe('two writers that did not see each other', () => {
  const start = write(Todo, [], eggs)

  test('keep both where they changed different fields', () => {
    const [a, b] = [write(Todo, [start], { ...eggs, title: 'milk' }), write(Todo, [start], { ...eggs, done: true })]
    expect(read(Todo, [a, b])).toEqual({ ...eggs, title: 'milk', done: true })
  })

  test('keep the later where they changed one field', () => {
    const [a, b] = [write(Todo, [start], { ...eggs, title: 'milk' }), write(Todo, [start], { ...eggs, title: 'tea' })]
    expect(read(Todo, [b, a])).toEqual({ ...eggs, title: 'tea' })
  })

  test('add up, and keep the tag that one added while the other removed it', () => {
    const tagged = write(Todo, [start], { ...eggs, tags: ['home'], votes: 2 })
    const a = write(Todo, [tagged], { ...eggs, tags: [], votes: 3 })
    const added = write(Todo, [start], { ...eggs, tags: ['home'], votes: 1 })
    expect(read(Todo, [a, added])).toEqual({ ...eggs, tags: ['home'], votes: 4 })
    // A removal that has seen both adds takes both.
    expect(read(Todo, [write(Todo, [a, added], { ...eggs, votes: 4 }), a, added])?.tags).toEqual([])
  })

  test('a later writer wins by what it saw, with a clock that is an hour slow', () => {
    const first = change(latest<string>(), [], { to: 'first', stamp: { actor: 'a', time: 3_600_000 } })
    const second = change(latest<string>(), [first], { to: 'second', stamp: { actor: 'b', time: 1 } })
    expect(read(latest<string>(), [second, first])).toBe('second')
    expect(read(latest<string>(), [first, second])).toBe('second')
  })
})

describe('a form that was opened before somebody else wrote', () => {
  const shown: Todo = { ...eggs, tags: ['home'], votes: 3, note: 'n' }
  const opened = write(Todo, [], shown)

  test('writes only what its user changed', () => {
    const now = write(Todo, [opened], { ...shown, done: true, votes: 5, tags: ['home', 'shop'] })
    const saved = write(Todo, [now], { ...shown, title: 'milk', votes: 4, tags: [] }, shown)
    expect(read(Todo, [saved])).toEqual({ ...shown, title: 'milk', done: true, votes: 6, tags: ['shop'] })
  })

  test('removes a property as it was shown, and not one that was changed since', () => {
    const { note: _, ...without } = shown
    expect(read(Todo, [write(Todo, [opened], without, shown)])).toEqual(without)
    const changed = write(Todo, [opened], { ...shown, note: 'newer' })
    expect(read(Todo, [write(Todo, [changed], without, shown)])).toEqual({ ...shown, note: 'newer' })
  })

  test('takes from a cart what it showed, and leaves what was added since', () => {
    const Cart = each(counter())
    const cart = write(Cart, [], { eggs: 5, milk: 1 })
    const more = write(Cart, [cart], { eggs: 7, milk: 1 })
    expect(read(Cart, [write(Cart, [more], { milk: 1 }, { eggs: 5, milk: 1 })])).toEqual({ eggs: 2, milk: 1 })
    expect(read(Cart, [write(Cart, [more], { milk: 1 })])).toEqual({ milk: 1 })
  })

  test('brings back the whole of an object that was removed meanwhile', () => {
    const Rows = each(fields<{ title: string; done: boolean }>())
    const row = { title: 'x', done: false }
    const removed = write(Rows, [write(Rows, [], { row })], {})
    const saved = write(Rows, [removed], { row: { ...row, title: 'y' } }, { row })
    expect(read(Rows, [saved])).toEqual({ row: { title: 'y', done: false } })
  })

  test('removes an object of fields as a whole, though it was changed since', () => {
    const Rows = each(fields<{ title: string; done: boolean }>())
    const row = { title: 'x', done: false }
    const changed = write(Rows, [write(Rows, [], { row })], { row: { ...row, done: true } })
    expect(read(Rows, [write(Rows, [changed], {}, { row })])).toEqual({})
  })

  test('of a document of a resolver keeps what its user wrote beside what others wrote', () => {
    const words = resolver('words', (all: readonly string[]) => [...new Set(all.join(' ').split(' '))].sort().join(' '))
    const now = write(words, [write(words, [], 'a b')], 'a b c')
    expect(read(words, [write(words, [now], 'a b d', 'a b')])).toBe('a b c d')
    expect(read(words, [write(words, [now], 'c d')])).toBe('c d')
  })
})

describe('removed and empty', () => {
  test('are told apart: an empty set, an empty map and a count of zero stay', () => {
    const type = fields<{ tags?: readonly string[]; cart?: Record<string, number>; votes?: number }>({
      tags: set(),
      cart: each(counter()),
      votes: counter(),
    })
    const value = write(type, [], { tags: [], cart: {}, votes: 0 })
    expect(read(type, [value])).toEqual({ tags: [], cart: {}, votes: 0 })
    expect(read(type, [write(type, [value], {})])).toEqual({})
    const full = write(type, [value], { tags: ['a'], cart: { eggs: 1 }, votes: 1 })
    expect(read(type, [write(type, [full], { tags: [], cart: {}, votes: 0 })])).toEqual({
      tags: [],
      cart: {},
      votes: 0,
    })
    expect(read(type, [write(type, [full], {})])).toEqual({})
  })

  test('a value that was removed shows nothing, and comes back with a write that had not seen that', () => {
    const value = write(Todo, [], eggs)
    const removed = write(Todo, [value], undefined)
    expect(read(Todo, [removed])).toBeUndefined()
    expect(read(Todo, [removed, value])).toBeUndefined()
    // Somebody who put the whole of it meanwhile is another writer of it.
    expect(read(Todo, [removed, write(Todo, [], { ...eggs, votes: 2 })])).toEqual({ ...eggs, votes: 2 })
  })

  test('names like those of Object are names', () => {
    const Cart = each(counter())
    const value = write(Cart, [], { constructor: 1, toString: 2, '': 3, 'l:c': 4 })
    expect(read(Cart, [value])).toEqual({ constructor: 1, toString: 2, '': 3, 'l:c': 4 })
    expect(read(fields<object>(), [write(fields<object>(), [], { valueOf: 1 })])).toEqual({ valueOf: 1 })
  })
})

describe('latest', () => {
  test('holds whatever a node stores, and sees no change between equal values', () => {
    const value = () => ({ at: new Date(5), bytes: Uint8Array.of(1, 2), big: 5n, list: [1, null, { a: undefined }] })
    const type = fields<{ one: unknown }>()
    const first = write(type, [], { one: value() })
    const second = write(type, [first], { one: value() }, { one: value() })
    expect(read(type, [second])).toEqual({ one: value() })
    // The dot of the first write is still the one that shows, so a concurrent change has nothing to lose to.
    const other = write(type, [first], { one: 'other' })
    expect(read(type, [second, other])).toEqual({ one: 'other' })
    expect(read(type, [write(type, [second], { one: { ...value(), at: new Date(6) } }), first])).not.toEqual({
      one: value(),
    })
  })
})

describe('set', () => {
  test('is sorted and has no twins, whatever the order of properties', () => {
    const type = set<unknown>()
    const value = write(type, [], [10, 9, 'b', 'a', { x: 1, y: 2 }, { y: 2, x: 1 }, true, null, -1, 9])
    expect(read(type, [value])).toEqual([-1, 9, 10, 'a', 'b', null, true, { x: 1, y: 2 }])
  })
})

describe('values that do not fit', () => {
  test.each([
    [counter(), 'x', 'the value must be a number'],
    [counter(), Number.NaN, 'the value must be a number'],
    [set(), 'x', 'the value must be an array'],
    [set(), [new Date(5)], 'the value must be an array of JSON'],
    [set(), [[5n]], 'the value must be an array of JSON'],
    [each(counter()), [], 'the value must be a plain object'],
    [each(counter()), { a: { b: 1 } }, 'the value.a must be a number'],
    [fields({ a: fields({ tags: set() }) }), { a: { tags: null } }, 'the value.a.tags must be an array'],
    [fields(), new Map(), 'the value must be a plain object'],
  ])('are refused by their place', (type, to, message) => {
    const attempt = () => write(type as MergeType<unknown>, [], to)
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid-value', changed: 'nothing' }))
    expect(attempt).toThrow(message)
  })

  test.each([Number.NaN, -1, 1.5, 2 ** 53])('a stamp with the time %s is refused', (time) => {
    const attempt = () => change(counter(), [], { to: 1, stamp: { actor: 'a', time } })
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe('definitions that differ', () => {
  const old = fields<{ title: string; votes: number; tags: readonly string[] }>()
  const New = fields<{ title: string; votes: number; tags: readonly string[] }>({ tags: set(), votes: counter() })
  const before = { title: 'x', votes: 5, tags: ['a'] }

  test('a field that gets a type shows the value it had, and the first write takes it over', () => {
    const value = write(old, [], before)
    expect(read(New, [value])).toEqual(before)
    expect(unread(New, [value])).toEqual([])
    const other = write(New, [value], { ...before, title: 'y' })
    expect(read(old, [other])).toEqual({ ...before, title: 'y' })
    const [six, seven] = [6, 7].map((votes) => write(New, [value], { ...before, votes, tags: ['a', `b${votes}`] }))
    for (const siblings of [
      [six, seven],
      [seven, value, six],
      [other, six, seven],
    ]) {
      expect(read(New, siblings)).toMatchObject({ votes: 8, tags: ['a', 'b6', 'b7'] })
    }
    // A tab of the old definition that writes at the same time takes nothing away.
    expect(read(New, [six, write(old, [value], { ...before, title: 'z', tags: ['c'] })])).toEqual({
      title: 'z',
      votes: 6,
      tags: ['a', 'b6'],
    })
  })

  test('a field that got a type is removed as it was seen, and not if it was written since', () => {
    const part = fields<Partial<typeof before>>({ tags: set(), votes: counter() })
    const value = write(old, [], before)
    const removed = write(part, [value], { title: 'x' })
    expect(read(part, [removed])).toEqual({ title: 'x' })
    expect(unread(part, [removed])).toEqual([])
    const newer = write(old, [value], { ...before, tags: ['c'] })
    expect(read(part, [write(part, [newer], { title: 'x' }, before)])).toEqual({ title: 'x', tags: ['c'] })
    const counted = write(part, [value], { ...before, votes: 6 })
    expect(read(part, [write(part, [counted], { title: 'x' })])).toEqual({ title: 'x' })
    expect(read(part, [write(part, [counted], { title: 'x' }, before)])).toEqual({ title: 'x', votes: 1 })
  })

  test('a count begins with the number that was shown, not with those that lost to it', () => {
    const value = write(old, [], before)
    const [one, other] = [8, 7].map((votes) => write(old, [value], { ...before, votes }))
    expect(read(old, [one, other])?.votes).toBe(7)
    expect(read(New, [one, other])?.votes).toBe(7)
    expect(read(New, [write(New, [one, other], { ...before, votes: 9 })])?.votes).toBe(9)
  })

  test('a field that lost its type, or has another one, is kept beside and reported', () => {
    const value = write(New, [], before)
    expect(read(old, [value])).toEqual({ title: 'x' })
    expect(unread(old, [value])).toEqual([
      { path: 'the value.votes', kind: 'counter' },
      { path: 'the value.tags', kind: 'set' },
    ])
    const edited = write(old, [value], { title: 'y', votes: 1, tags: [] })
    expect(read(old, [edited])).toEqual({ title: 'y', votes: 1, tags: [] })
    // With the right definition all is there again: both numbers count.
    expect(read(New, [write(old, [value], { ...before, title: 'y', votes: 1 })])?.votes).toBe(6)
  })

  test('a value that does not fit the new type is kept beside and reported', () => {
    const value = write(fields<{ votes: string }>(), [], { votes: 'many' })
    const type = fields<{ votes: number }>({ votes: counter() })
    expect(read(type, [value])).toEqual({})
    expect(unread(type, [value])).toEqual([{ path: 'the value.votes', kind: 'latest' }])
    const counted = write(type, [value], { votes: 1 })
    expect(read(type, [counted])).toEqual({ votes: 1 })
    const removed = write(type as MergeType<object>, [counted], {})
    expect(read(type, [removed])).toEqual({})
    for (const values of [[counted], [removed]]) {
      expect(read(fields<{ votes: string }>(), values)).toEqual({ votes: 'many' })
    }
  })

  test('a whole value of another kind is kept beside and reported, and joined by nodes that know neither', () => {
    const [cart, todo] = [write(each(counter()), [], { eggs: 1 }), write(Todo, [], eggs)]
    expect(read(Todo, [cart])).toBeUndefined()
    expect(unread(Todo, [cart])).toEqual([{ path: 'the value', kind: 'each' }])
    const both = join([cart, todo])
    expect(read(Todo, [both])).toEqual(eggs)
    expect(read(each(counter()), [both])).toEqual({ eggs: 1 })
    expect(read(each(counter()), [write(Todo, [cart], eggs)])).toEqual({ eggs: 1 })
  })
})

describe('values without a merge state', () => {
  test('are what their type began with, each sibling for itself', () => {
    expect(read(Todo, [eggs])).toEqual(eggs)
    expect(read(set<string>(), [['a'], ['b']])).toEqual(['a', 'b'])
    const [one, other] = [write(Todo, [eggs], { ...eggs, votes: 1 }), write(Todo, [eggs], { ...eggs, done: true })]
    expect(read(Todo, [one, eggs])).toEqual({ ...eggs, votes: 1 })
    // Both tabs wrote all of it.
    expect(read(Todo, [one, other])).toEqual({ ...eggs, done: true, votes: 1 })
    const highest = resolver('highest', (values: readonly number[]) => Math.max(...values))
    expect(read(highest, [3, 5, 4])).toBe(5)
  })

  test('are kept and reported where they do not fit', () => {
    expect(read(Todo, ['text'])).toBeUndefined()
    expect(unread(Todo, ['text'])).toEqual([{ path: 'the value', kind: 'latest' }])
    const next = write(Todo, ['text'], eggs)
    expect(read(Todo, [next])).toEqual(eggs)
    expect(read(latest<string>(), [next])).toBe('text')
  })
})
