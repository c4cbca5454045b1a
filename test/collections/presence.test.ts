/**
 * Presence: every member sees the last state of every other that is awake, and of none that has gone.
 */
import { describe, expect, test } from 'vitest'
import { definePresence, type Presence } from '../../src/collections/presence.ts'
import { TabringError } from '../../src/errors.ts'
import type { MemoryCluster } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { ring, soon } from './memory-ring.ts'

interface Cursor {
  readonly at: number
  readonly name?: string
}

const Cursors = definePresence<Cursor, { readonly wave: number }>('cursors')
const idOf = (all: MemoryCluster, index: number) => (all.node(index) as StorageNode).id
const enter = (all: MemoryCluster, index: number, at = index) => all.node(index).presence(Cursors, { at })
/** The states that one member sees, by the numbers of the others. */
const seen = (all: MemoryCluster, here: Presence<Cursor, unknown>, others: readonly number[]) =>
  others.map((index) => here.others.current.get(idOf(all, index))?.at)

describe('a presence', () => {
  test('shows each member the state of every other, and tells one that comes later once', async () => {
    const all = await ring(3)
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => [...seen(all, first, [1]), ...seen(all, second, [0])], soon).toEqual([1, 0])
    const third = enter(all, 2)
    await expect.poll(() => seen(all, third, [0, 1]), soon).toEqual([0, 1])
    await expect.poll(() => [...seen(all, first, [1, 2]), ...seen(all, second, [0, 2])], soon).toEqual([1, 2, 0, 2])
    expect(first.others.current.size).toBe(2)
  })

  test('changes some fields, and shows others the last state though it skips some', async () => {
    const all = await ring(2)
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => seen(all, second, [0]), soon).toEqual([0])
    let shown = 0
    second.others.subscribe(() => {
      shown += 1
    })
    first.set({ name: 'Ada' })
    for (let at = 1; at <= 500; at += 1) first.set({ at })
    await expect.poll(() => second.others.current.get(idOf(all, 0)), soon).toEqual({ at: 500, name: 'Ada' })
    expect(first.mine).toEqual({ at: 500, name: 'Ada' })
    expect(shown).toBeLessThan(10)
  })

  test('tells a change to each member once, and to one that does not listen not at all', async () => {
    const all = await ring(3)
    const sent: (string | null)[] = []
    all.node(0).trace((event) => {
      if (event.type === 'message' && event.step === 'sent' && event.kind === 'ephemeral') sent.push(event.node)
    })
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => [...seen(all, first, [1]), ...seen(all, second, [0])], soon).toEqual([1, 0])
    expect(sent.filter((node) => node === idOf(all, 2))).toHaveLength(1)
    for (const at of [7, 8, 9]) {
      sent.length = 0
      first.set({ at })
      await expect.poll(() => seen(all, second, [0]), soon).toEqual([at])
      expect(sent).toEqual([idOf(all, 1)])
    }
  })

  test('loses the state of a member that closes, or leaves the presence', async () => {
    const all = await ring(4)
    const here = enter(all, 0)
    const others = [1, 2, 3].map((index) => enter(all, index))
    await expect.poll(() => seen(all, here, [1, 2, 3]), soon).toEqual([1, 2, 3])
    others[0]?.leave()
    await expect.poll(() => seen(all, here, [1, 2, 3]), soon).toEqual([undefined, 2, 3])
    await all.node(2).close()
    await expect.poll(() => seen(all, here, [1, 2, 3]), soon).toEqual([undefined, undefined, 3])
    expect(here.others.current.size).toBe(1)
  })

  test('is entered anew after it was left, and shows the state it is entered with', async () => {
    const all = await ring(2)
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => seen(all, second, [0]), soon).toEqual([0])
    expect(enter(all, 0, 5)).toBe(first)
    first.leave()
    expect(first.others.current.size).toBe(0)
    await expect.poll(() => second.others.current.size, soon).toBe(0)
    const again = enter(all, 0, 9)
    expect(again).not.toBe(first)
    await expect.poll(() => [...seen(all, second, [0]), ...seen(all, again, [1])], soon).toEqual([9, 1])
    first.set({ at: 1 })
    first.leave()
    again.set({ at: 10 })
    await expect.poll(() => seen(all, second, [0]), soon).toEqual([10])
  })

  test('shows the new state of a tab that was killed and came back', async () => {
    const all = await ring(3)
    const here = enter(all, 0)
    for (let at = 0; at < 20; at += 1) enter(all, 1).set({ at })
    await expect.poll(() => seen(all, here, [1]), soon).toEqual([19])
    all.kill(1)
    await all.restart(1)
    enter(all, 1, 3)
    await expect.poll(() => seen(all, here, [1]), soon).toEqual([3])
  })

  test('forgets the state of a tab that came back and has not entered', async () => {
    const all = await ring(3)
    const here = enter(all, 0)
    enter(all, 1)
    await expect.poll(() => seen(all, here, [1]), soon).toEqual([1])
    all.kill(1)
    await all.restart(1)
    await expect.poll(() => here.others.current.size, soon).toBe(0)
  })

  test('shows what was set while two members were cut off from each other', async () => {
    const all = await ring(2)
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => seen(all, second, [0]), soon).toEqual([0])
    all.cut([0], [1])
    await expect
      .poll(
        () =>
          all
            .node(0)
            .members()
            .some(({ reachable }) => !reachable),
        soon,
      )
      .toBe(true)
    first.set({ at: 4 })
    expect(seen(all, second, [0])).toEqual([0])
    all.heal()
    await expect.poll(() => [...seen(all, second, [0]), ...seen(all, first, [1])], soon).toEqual([4, 1])
  })

  test('carries events to all, or to one, and to a listener that follows one that throws', async () => {
    const all = await ring(3)
    const here = [0, 1, 2].map((index) => enter(all, index)) as Presence<Cursor, { readonly wave: number }>[]
    await expect.poll(() => here.map(({ others }) => others.current.size), soon).toEqual([2, 2, 2])
    const heard: string[] = []
    for (const index of [1, 2])
      here[index]?.on(({ wave }, from) =>
        heard.push(`${index} from ${[0, 1, 2].findIndex((n) => idOf(all, n) === from)}: ${wave}`),
      )
    here[0]?.send({ wave: 1 })
    await expect.poll(() => [...heard].sort(), soon).toEqual(['1 from 0: 1', '2 from 0: 1'])
    here[0]?.send({ wave: 2 }, idOf(all, 2))
    await expect.poll(() => heard.slice(2), soon).toEqual(['2 from 0: 2'])
    expect(() => {
      for (let wave = 0; wave < 40; wave += 1) here[0]?.send({ wave })
    }).toThrow(TabringError)
  })

  test('refuses what is too large or no plain data, and changes nothing then', async () => {
    const all = await ring(1)
    const here = enter(all, 0)
    expect(() => here.set({ name: 'x'.repeat(5_000) })).toThrow(expect.objectContaining({ code: 'value-too-large' }))
    expect(() => here.set({ name: (() => 1) as never })).toThrow(expect.objectContaining({ code: 'invalid-value' }))
    expect(here.mine).toEqual({ at: 0 })
    expect(() => definePresence('')).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => all.node(0).presence(definePresence('é'.repeat(200)), {})).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
    await all.node(0).close()
    here.set({ at: 3 })
    expect(() => all.node(0).presence(definePresence('other'), {})).toThrow(expect.objectContaining({ code: 'closed' }))
  })

  test('is not harmed by a message that makes no sense', async () => {
    const all = await ring(2)
    const [first, second] = [enter(all, 0), enter(all, 1)]
    await expect.poll(() => seen(all, first, [1]), soon).toEqual([1])
    const { peers, values } = partsOf(all.node(1) as StorageNode)
    const bodies = [null, 7, [], [1, 2], [1, 'x', true, {}], [-1, 2, 3, 4], { at: 1 }].map((each) =>
      values.encode(each),
    )
    for (const body of [...bodies, new Uint8Array([0xc1]), new Uint8Array()])
      await peers.request(idOf(all, 0), { type: 'ephemeral', topic: 'cursors', body })
    expect(seen(all, first, [1])).toEqual([1])
    second.set({ at: 8 })
    await expect.poll(() => seen(all, first, [1]), soon).toEqual([8])
  })
})
