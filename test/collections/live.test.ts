/**
 * Live views: what one tab writes is shown in the others, whatever happens to the replicas that tell of it.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { defineCollection } from '../../src/collections/define-collection.ts'
import type { Live } from '../../src/collections/live.ts'
import { type MemoryCluster, openCluster } from '../../src/memory/open-cluster.ts'
import { counter, fields } from '../../src/merge/merge.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'

interface Todo {
  readonly title: string
  readonly votes: number
}

const Todos = defineCollection<Todo>('todos', { merge: fields<Todo>({ votes: counter() }) })
const eggs: Todo = { title: 'eggs', votes: 0 }

let cluster: MemoryCluster | undefined
const stops: (() => void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) stop()
  await cluster?.close()
})

async function ring(nodes: number): Promise<MemoryCluster> {
  cluster = await openCluster({ nodes, timeoutMs: 5_000 })
  return cluster
}

const listAt = (all: MemoryCluster, index: number) => all.node(index).collection(Todos).group('list')

/** All states of a live value, as they come. */
function statesOf<V>(live: Live<V>): V[] {
  const states: V[] = []
  stops.push(live.subscribe((value) => states.push(value)))
  return states
}

const soon = { timeout: 15_000, interval: 10 }

describe('a view of a key', () => {
  test('is loading, then live, shows what another tab writes, and what it deletes', async () => {
    const all = await ring(3)
    const view = listAt(all, 0).watch('a')
    const states = statesOf(view)
    expect(states).toEqual([{ value: undefined, status: 'loading', pending: false, invalid: false }])
    await expect.poll(() => view.current.status, soon).toBe('live')
    await listAt(all, 1).set('a', eggs)
    await expect.poll(() => view.current.value, soon).toEqual(eggs)
    await listAt(all, 2).update('a', (todo) => todo && { ...todo, votes: 3 })
    await expect.poll(() => view.current.value, soon).toEqual({ ...eggs, votes: 3 })
    await listAt(all, 2).delete('a')
    await expect.poll(() => view.current.value, soon).toBeUndefined()
    expect(states.every(({ status }) => status !== 'partial')).toBe(true)
  })

  test('shows a write of this tab before it is acknowledged, as pending, and without a gap after', async () => {
    const all = await ring(3)
    const view = listAt(all, 0).watch('a')
    const states = statesOf(view)
    await view.ready
    const setting = listAt(all, 0).set('a', eggs)
    await setting
    expect(view.current.value).toEqual(eggs)
    expect(states.some(({ value, pending }) => value !== undefined && pending)).toBe(true)
    const first = states.findIndex(({ value }) => value !== undefined)
    expect(states.slice(first).every(({ value }) => value !== undefined)).toBe(true)
    await expect.poll(() => view.current.pending, soon).toBe(false)
  })

  test('is the same object for the same key, and asks once however many listen', async () => {
    const all = await ring(3)
    const list = listAt(all, 0)
    expect(list.watch('a')).toBe(list.watch('a'))
    expect(list.watch()).toBe(list.watch())
    const [one, two] = [statesOf(list.watch('a')), statesOf(list.watch('a'))]
    await list.watch('a').ready
    await listAt(all, 1).set('a', eggs)
    await expect.poll(() => [one.at(-1)?.value, two.at(-1)?.value], soon).toEqual([eggs, eggs])
  })
})

describe('a view of a group', () => {
  test('shows all entries in order, and keeps the objects of those that stay', async () => {
    const all = await ring(4)
    const list = listAt(all, 0)
    await list.setMany([
      ['b', eggs],
      ['a', { ...eggs, title: 'milk' }],
      ['c', eggs],
    ])
    const view = listAt(all, 1).watch()
    statesOf(view)
    const { entries } = await view.ready
    expect(entries.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    await list.update('b', (todo) => todo && { ...todo, votes: 1 })
    await expect.poll(() => view.current.entries[1]?.value.votes, soon).toBe(1)
    expect(view.current.entries[0]).toBe(entries[0])
    expect(view.current.entries[2]).toBe(entries[2])
    await list.delete('a')
    await expect.poll(() => view.current.entries.map(({ key }) => key), soon).toEqual(['b', 'c'])
  })

  test('goes on after each owner in turn was killed and came back, and is live again', async () => {
    const all = await ring(5)
    const reader = listAt(all, 4)
    const view = reader.watch()
    statesOf(view)
    await expect.poll(() => view.current.status, soon).toBe('live')
    for (let index = 0; index < 4; index += 1) {
      all.kill(index)
      const writer = listAt(all, (index + 1) % 4)
      await writer.set(`key ${index}`, eggs)
      await expect.poll(() => view.current.entries.length, soon).toBe(index + 1)
      await (await all.restart(index)).joined({ members: 5 })
      await expect.poll(() => view.current.status, soon).toBe('live')
    }
    await listAt(all, 0).update('key 0', (todo) => todo && { ...todo, votes: 9 })
    await expect.poll(() => view.current.entries[0]?.value.votes, soon).toBe(9)
  })

  test('is partial while two owners are cut off, live again when they are back, and shows what was written there', async () => {
    const all = await ring(3)
    const view = listAt(all, 0).watch()
    statesOf(view)
    await expect.poll(() => view.current.status, soon).toBe('live')
    all.cut([0], [1, 2])
    await expect.poll(() => view.current.status, soon).toBe('partial')
    await listAt(all, 1).set('a', eggs)
    all.heal()
    await expect.poll(() => view.current, soon).toMatchObject({ status: 'live', entries: [{ key: 'a' }] })
  })

  test('is an iterator that skips states and never the last', async () => {
    const all = await ring(3)
    const list = listAt(all, 0)
    const seen: number[] = []
    const reading = (async () => {
      for await (const { entries } of list.watch()) {
        seen.push(entries.length)
        if (entries.length === 20) return
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    await Promise.all(Array.from({ length: 20 }, (_, index) => listAt(all, 1).set(`key ${index}`, eggs)))
    await reading
    expect(seen.at(-1)).toBe(20)
  })
})

test('the views of many keys, which lie in as many partitions, are live at once', async () => {
  const all = await ring(4)
  const keys = Array.from({ length: 30 }, (_, index) => `key ${index}`)
  const views = keys.map((key) => all.node(1).collection(Todos).watch(key))
  for (const view of views) stops.push(view.subscribe(() => {}))
  await expect.poll(() => views.filter(({ current }) => current.status === 'live').length, soon).toBe(keys.length)
  await Promise.all(keys.map((key) => all.node(2).collection(Todos).set(key, eggs)))
  await expect.poll(() => views.filter(({ current }) => current.value?.title === 'eggs').length, soon).toBe(keys.length)
})

test('a value is hidden from views at the moment at which it ends', async () => {
  const all = await ring(2)
  const Codes = defineCollection<Todo>('codes', { expiresAfterMs: 400 })
  const view = all.node(0).collection(Codes).group('all').watch()
  const states = statesOf(view)
  await view.ready
  await all.node(1).collection(Codes).group('all').set('a', eggs)
  await expect.poll(() => states.map(({ entries }) => entries.length), soon).toContain(1)
  await expect.poll(() => view.current.entries.length, soon).toBe(0)
})

test('a node follows nothing any more once no listener is left for some seconds', async () => {
  const all = await ring(1)
  const stop = listAt(all, 0)
    .watch()
    .subscribe(() => {})
  const { views } = partsOf(all.node(0) as StorageNode)
  expect(views.count()).toBe(1)
  stop()
  await expect.poll(() => views.count(), soon).toBe(0)
})
