/**
 * Collections and groups on a ring: what a tab writes is merged with what others write at once, and lists are complete.
 */
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineCollection } from '../../src/collections/define-collection.ts'
import type { StandardSchema } from '../../src/collections/standard-schema.ts'
import type { Scan } from '../../src/collections/types.ts'
import { type MemoryCluster, openCluster } from '../../src/memory/open-cluster.ts'
import { counter, each, fields, latest, set } from '../../src/merge/merge.ts'

interface Todo {
  readonly title: string
  readonly done?: boolean
  readonly votes: number
  readonly tags: string[]
}

const Todos = defineCollection<Todo>('todos', { merge: fields<Todo>({ tags: set(), votes: counter() }) })
const eggs: Todo = { title: 'eggs', votes: 0, tags: [] }

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

/** The same group as each node of a ring has it. */
async function groups(nodes: number) {
  cluster = await openCluster({ nodes, timeoutMs: 10_000 })
  return Array.from({ length: nodes }, (_, index) =>
    (cluster as MemoryCluster).node(index).collection(Todos).group('list'),
  )
}

async function all<T>(scan: Scan<T>) {
  const found = []
  for await (const entry of scan) found.push(entry)
  return found
}

describe('a key of a collection', () => {
  test('is set, read, updated and deleted', async () => {
    const [here, there] = await groups(3)
    expect(await here?.get('a')).toMatchObject({ value: undefined, context: null, siblings: 0 })
    await here?.set('a', eggs)
    expect(await there?.get('a')).toMatchObject({ value: eggs, siblings: 1, quorum: true, invalid: undefined })
    expect((await there?.update('a', (todo) => todo && { ...todo, done: true }))?.value).toEqual({
      ...eggs,
      done: true,
    })
    expect(await here?.has('a')).toBe(true)
    await here?.update('a', () => undefined)
    expect(await there?.has('a')).toBe(false)
    await there?.set('a', eggs)
    await there?.delete('a')
    expect((await here?.get('a'))?.value).toBeUndefined()
  })

  test('is another key in another group, another collection, or none', async () => {
    const [here] = await groups(1)
    const node = (cluster as MemoryCluster).node(0)
    const Others = defineCollection<Todo>('others')
    await here?.set('a', eggs)
    for (const other of [
      node.collection(Todos).group('other'),
      node.collection(Todos),
      node.collection(Others).group('list'),
    ])
      expect(await other.has('a')).toBe(false)
    expect((await node.get('a')).values).toEqual([])
    expect(node.collection(Todos)).toBe(node.collection(Todos))
    expect(node.collection(Todos).group('list')).toBe(here)
  })

  test('has every change of different fields that two tabs made at once while they were cut off', async () => {
    const [here, there] = await groups(4)
    await here?.set('a', { ...eggs, tags: ['old'] })
    cluster?.cut([0, 2], [1, 3])
    await here?.update('a', (todo) => todo && { ...todo, title: 'six eggs', tags: ['old', 'here'] }, {
      timeoutMs: 1_000,
    })
    await there?.update('a', (todo) => todo && { ...todo, done: true, tags: ['there'] }, { timeoutMs: 1_000 })
    cluster?.heal()
    const merged = { title: 'six eggs', done: true, votes: 0, tags: ['here', 'there'] }
    await expect.poll(async () => (await there?.get('a'))?.value, { timeout: 20_000 }).toEqual(merged)
  })

  test('keeps what others wrote in other fields while a form was open', async () => {
    const [here, there] = await groups(3)
    await here?.set('a', eggs)
    const { value: shown } = (await here?.get('a')) ?? {}
    await there?.update('a', (todo) => todo && { ...todo, votes: todo.votes + 5, done: true })
    await here?.set('a', { ...eggs, title: 'milk' }, shown === undefined ? {} : { from: shown })
    expect((await there?.get('a'))?.value).toEqual({ ...eggs, title: 'milk', votes: 5, done: true })
  })

  test('counts 200 increments from five nodes, two at once in each, exactly once each', async () => {
    const nodes = await groups(5)
    await nodes[0]?.set('a', eggs)
    const add = async (group: (typeof nodes)[number]) => {
      for (let done = 0; done < 20; done += 1)
        await group.update('a', (todo) => todo && { ...todo, votes: todo.votes + 1 })
    }
    await Promise.all(nodes.flatMap((group) => [add(group), add(group)]))
    expect((await nodes[4]?.get('a'))?.value?.votes).toBe(200)
  })

  test('counts each increment once though the ring is cut in two and heals meanwhile', async () => {
    const nodes = await groups(5)
    await nodes[0]?.set('a', eggs)
    const add = async (group: (typeof nodes)[number]) => {
      for (let done = 0; done < 20; done += 1)
        await group.update('a', (todo) => ({ ...(todo ?? eggs), votes: (todo?.votes ?? 0) + 1 }), { timeoutMs: 500 })
    }
    const adding = nodes.map(add)
    cluster?.cut([0, 1], [2, 3, 4])
    await Promise.race(adding)
    cluster?.heal()
    await Promise.all(adding)
    await expect.poll(async () => (await nodes[2]?.get('a'))?.value?.votes, { timeout: 20_000 }).toBe(100)
  })

  test('takes part in nothing lost: what was put in a cart by two tabs at once is in it', async () => {
    cluster = await openCluster({ nodes: 3 })
    const Carts = defineCollection('carts', { merge: each(counter()) })
    const [alice, bob] = [0, 1].map((index) => (cluster as MemoryCluster).node(index).collection(Carts))
    await Promise.all([
      alice?.update('cart', (cart = {}) => ({ ...cart, eggs: (cart['eggs'] ?? 0) + 6 })),
      bob?.update('cart', (cart = {}) => ({ ...cart, eggs: (cart['eggs'] ?? 0) + 6, milk: 1 })),
    ])
    expect((await alice?.get('cart', { r: 3 }))?.value).toEqual({ eggs: 12, milk: 1 })
  })

  test('may be of any kind of value: those that are no plain objects are replaced as a whole', async () => {
    cluster = await openCluster({ nodes: 1 })
    const anything = cluster.node(0).collection(defineCollection('anything'))
    for (const value of ['text', 7, true, [1, [2]], new Date(5), Uint8Array.of(1), { a: 1 }, 'text again']) {
      await anything.set('key', value)
      expect((await anything.get('key')).value).toEqual(value)
    }
  })
})

describe('a schema', () => {
  const Named: StandardSchema<{ name?: string }, { name: string; age: number }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const { name, age = 0 } = value as { name?: unknown; age?: number }
        return typeof name === 'string'
          ? { value: { name, age } }
          : { issues: [{ message: 'a name is a text', path: ['name'] }] }
      },
    },
  }

  test('fills defaults, and refuses what does not pass before anything is stored', async () => {
    cluster = await openCluster({ nodes: 1 })
    const people = cluster.node(0).collection(defineCollection('people', { schema: Named }))
    await people.set('a', { name: 'Ada' })
    expect((await people.get('a')).value).toEqual({ name: 'Ada', age: 0 })
    await expect(people.set('b', {})).rejects.toMatchObject({ code: 'invalid-value', changed: 'nothing' })
    expect((await people.get('b')).context).toBeNull()
  })

  test('hides what others stored and it refuses, counts it in lists, and leaves it stored', async () => {
    cluster = await openCluster({ nodes: 1, r: 1 })
    const [node] = cluster.nodes
    const before = node?.collection(defineCollection<{ name: unknown }>('people'))
    const after = node?.collection(defineCollection('people', { schema: Named }))
    await before?.group('all').set('a', { name: 7 })
    await before?.group('all').set('b', { name: 'Bea' })
    expect(await after?.group('all').get('a')).toMatchObject({ value: undefined, invalid: 'name: a name is a text' })
    const scan = after?.group('all').entries()
    expect(scan && (await all(scan)).map(({ key }) => key)).toEqual(['b'])
    expect(scan).toMatchObject({ invalid: 1, unreached: 0 })
    expect((await before?.group('all').get('a'))?.value).toEqual({ name: 7 })
  })

  test('of a library gives the types, and shows what an older version stored with its defaults', async () => {
    cluster = await openCluster({ nodes: 1, r: 1 })
    const older = defineCollection('tasks', { schema: z.object({ title: z.string() }) })
    const schema = z.object({ title: z.string(), done: z.boolean().default(false), due: z.date().optional() })
    const newer = defineCollection('tasks', { schema })
    const [before, after] = [cluster.node(0).collection(older), cluster.node(0).collection(newer)]
    await before.set('a', { title: 'eggs' })
    const { value } = await after.get('a')
    expectTypeOf(value).toEqualTypeOf<{ title: string; done: boolean; due?: Date | undefined } | undefined>()
    expect(value).toEqual({ title: 'eggs', done: false })
    const due = new Date(0)
    await after.update('a', (task) => task && { ...task, due })
    expect((await after.get('a')).value).toEqual({ title: 'eggs', done: false, due })
    expectTypeOf<Parameters<typeof after.set>[1]>().toEqualTypeOf<{
      title: string
      done?: boolean | undefined
      due?: Date | undefined
    }>()
    await expect(after.set('b', { title: 7 as never })).rejects.toMatchObject({
      code: 'invalid-value',
      changed: 'nothing',
    })
  })
})

describe('a list', () => {
  test('has all keys of its group in order, and pages by prefix, position and limit', async () => {
    const [here, there] = await groups(3)
    const keys = Array.from(
      { length: 40 },
      (_, index) => `${index % 2 === 0 ? 'even' : 'odd'} ${`${index}`.padStart(2, '0')}`,
    ).sort()
    const { stored, failed } = (await here?.setMany(keys.map((key) => [key, { ...eggs, title: key }]))) ?? {}
    expect([stored, failed?.size]).toEqual([40, 0])
    const keysOf = async (options = {}) => (await all(there?.entries(options) as Scan<Todo>)).map(({ key }) => key)
    expect(await keysOf()).toEqual(keys)
    expect(await keysOf({ prefix: 'odd' })).toEqual(keys.slice(20))
    expect(await keysOf({ after: 'even 36', limit: 3 })).toEqual(['even 38', 'odd 01', 'odd 03'])
    await there?.deleteMany(keys.slice(0, 39))
    expect(await keysOf()).toEqual(['odd 39'])
  })

  test('of a whole collection has the entries of all groups, each once', async () => {
    const [here] = await groups(3)
    const collection = (cluster as MemoryCluster).node(1).collection(Todos)
    await here?.set('a', eggs)
    await collection.set('b', eggs)
    await collection.group('other').set('a', eggs)
    const scan = collection.entries()
    const found = (await all(scan)).map(({ key, group }) => `${group} ${key}`)
    expect(found.sort()).toEqual(['list a', 'null b', 'other a'])
    expect(scan.unreached).toBe(0)
  })
})

test('a value that is not written again ends when its collection says so', async () => {
  cluster = await openCluster({ nodes: 1 })
  const codes = cluster.node(0).collection(defineCollection<string>('codes', { merge: latest(), expiresAfterMs: 50 }))
  await codes.set('a', 'once')
  expect((await codes.get('a')).value).toBe('once')
  await expect.poll(async () => (await codes.get('a')).value).toBeUndefined()
})
