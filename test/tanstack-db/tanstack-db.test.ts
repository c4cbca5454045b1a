/**
 * TanStack DB over groups, in the oldest version that is supported and in the pinned one: rows of the ring can be
 * joined and ordered, and changes through either side reach the other.
 */
import * as pinned from '@tanstack/db'
import * as oldest from 'tanstack-db-oldest'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { defineCollection } from '../../src/collections/define-collection.ts'
import { type MemoryCluster, openCluster } from '../../src/memory/open-cluster.ts'
import { counter, fields } from '../../src/merge/merge.ts'
import { tabringCollectionOptions } from '../../src/tanstack-db/tanstack-db.ts'

interface Todo {
  readonly id: string
  readonly title: string
  readonly votes: number
  readonly list: string
}

const Todos = defineCollection<Todo>('todos', { merge: fields<Todo>({ votes: counter() }) })
const Lists = defineCollection<{ readonly id: string; readonly name: string }>('lists')
const todo = (id: string, title: string, votes = 0): Todo => ({ id, title, votes, list: 'home' })
const soon = { timeout: 15_000, interval: 10 }

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

const groupAt = (index: number) => (cluster as MemoryCluster).node(index).collection(Todos).group('all')

/** `npm run test:newest` has installed it. Its types are not there for `npm test`. */
const newest = 'tanstack-db-newest'
const isNewest = process.env['TANSTACK_DB'] === 'newest'

const versions: readonly (readonly [string, typeof pinned])[] = [
  ...(isNewest ? [['the newest version', (await import(/* @vite-ignore */ newest)) as typeof pinned] as const] : []),
  ['the pinned version', pinned],
  // The types of the two versions differ in what is not used here.
  ['the oldest version', oldest as unknown as typeof pinned],
]

describe.each(versions)('a group as a collection of %s', (_, { createCollection, createLiveQueryCollection, eq }) => {
  const collectionAt = (index: number) =>
    createCollection(tabringCollectionOptions({ group: groupAt(index), getKey: ({ id }) => id }))

  async function pair() {
    cluster = await openCluster({ nodes: 3 })
    const [here, there] = [collectionAt(0), collectionAt(1)]
    await Promise.all([here.preload(), there.preload()])
    return { here, there }
  }

  test('shows what is inserted, updated and deleted in another tab, and is ready when it has been read', async () => {
    const { here, there } = await pair()
    expect(here.status).toBe('ready')
    await here.insert(todo('a', 'eggs')).isPersisted.promise
    expect(here.get('a')).toMatchObject(todo('a', 'eggs'))
    await expect.poll(() => there.get('a'), soon).toMatchObject(todo('a', 'eggs'))
    const change = there.update('a', (draft) => {
      ;(draft as { title: string }).title = 'milk'
    })
    await change.isPersisted.promise
    await expect.poll(() => here.get('a')?.title, soon).toBe('milk')
    // What TanStack DB adds to its rows is not stored.
    expect((await groupAt(2).get('a')).value).toEqual(todo('a', 'milk'))
    await here.delete('a').isPersisted.promise
    expect(here.has('a')).toBe(false)
    await expect.poll(() => there.size, soon).toBe(0)
  })

  test('merges what two tabs change at once by the merge type of the group', async () => {
    const { here, there } = await pair()
    await here.insert(todo('a', 'eggs')).isPersisted.promise
    await expect.poll(() => there.has('a'), soon).toBe(true)
    const vote = (of: typeof here) =>
      of.update('a', (draft) => {
        ;(draft as { votes: number }).votes += 1
      })
    await Promise.all([vote(here), vote(there)].map((change) => change.isPersisted.promise))
    await expect.poll(() => [here.get('a')?.votes, there.get('a')?.votes], soon).toEqual([2, 2])
  })

  test('takes a change back that the group refuses', async () => {
    const { here } = await pair()
    const change = here.insert({ ...todo('a', 'eggs'), votes: 'many' as unknown as number })
    await expect(change.isPersisted.promise).rejects.toMatchObject({ code: 'invalid-value' })
    await expect.poll(() => here.has('a'), soon).toBe(false)
  })

  test('leaves out an entry that is stored under another key than that of its row', async () => {
    const { here, there } = await pair()
    await groupAt(2).set('b', todo('a', 'eggs'))
    await here.insert(todo('c', 'milk')).isPersisted.promise
    await expect.poll(() => [...there.keys()], soon).toEqual(['c'])
  })

  test('can be filtered, joined and ordered as any other', async () => {
    const { here } = await pair()
    const node = (cluster as MemoryCluster).node(0)
    const group = node.collection(Lists).group('all')
    await group.set('home', { id: 'home', name: 'At home' })
    const lists = createCollection(tabringCollectionOptions({ group, getKey: ({ id }) => id }))
    for (const [index, title] of ['milk', 'eggs', 'bread'].entries())
      await here.insert(todo(`t${index}`, title, index)).isPersisted.promise
    const voted = createLiveQueryCollection((query) =>
      query
        .from({ item: here })
        .join({ list: lists }, ({ item, list }) => eq(item.list, list.id))
        .orderBy(({ item }) => item.title)
        .select(({ item, list }) => ({ title: item.title, name: list?.name })),
    )
    await voted.preload()
    await expect
      .poll(() => voted.toArray.map(({ title, name }) => `${title} ${name}`), soon)
      .toEqual(['bread At home', 'eggs At home', 'milk At home'])
  })
})

test('the rows of a collection have the type of the group’s values', () => {
  const { getKey } = tabringCollectionOptions({ group: {} as ReturnType<typeof groupAt>, getKey: ({ id }) => id })
  expectTypeOf(getKey).parameter(0).toEqualTypeOf<Todo>()
})
