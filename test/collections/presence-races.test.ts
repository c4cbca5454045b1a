/**
 * Presence when things happen at once: what a member shows is found out, and what it shows no more is forgotten.
 */
import { describe, expect, test } from 'vitest'
import { definePresence, type Presence } from '../../src/collections/presence.ts'
import type { MemoryCluster } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { ring, soon } from './memory-ring.ts'

interface Cursor {
  readonly at: number
  readonly name?: string
}

const Cursors = definePresence<Cursor, number>('cursors')
const nodeOf = (all: MemoryCluster, index: number) => all.node(index) as StorageNode
const enter = (all: MemoryCluster, index: number, at = index) => all.node(index).presence(Cursors, { at })
/** The state of a member that another sees. */
const seen = (all: MemoryCluster, here: Presence<Cursor, unknown>, index: number) =>
  here.others.current.get(nodeOf(all, index).id)?.at
const statusAt = (all: MemoryCluster, at: number, of: number) =>
  all
    .node(at)
    .members()
    .find(({ id }) => id === nodeOf(all, of).id)?.status

/** Two members that see each other. */
async function pair(): Promise<readonly [MemoryCluster, Presence<Cursor, number>, Presence<Cursor, number>]> {
  const all = await ring(2)
  const [first, second] = [enter(all, 0), enter(all, 1)]
  await expect.poll(() => [seen(all, first, 1), seen(all, second, 0)], soon).toEqual([1, 0])
  return [all, first, second]
}

describe('a presence', () => {
  test('loses the state of a member that left while the line was down for a moment', async () => {
    const [all, first, second] = await pair()
    all.cut([0], [1])
    first.set({ at: 1 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    first.leave()
    await new Promise((resolve) => setTimeout(resolve, 700))
    all.heal()
    await expect.poll(() => second.others.current.size, soon).toBe(0)
    expect(statusAt(all, 1, 0)).not.toBe('dead')
  })

  test('loses the state of a member that left while this one slept', async () => {
    const [all, first, second] = await pair()
    const { membership, peers } = partsOf(nodeOf(all, 1))
    membership.sleep()
    await expect.poll(() => statusAt(all, 0, 1), soon).toBe('away')
    await expect.poll(() => first.others.current.size, soon).toBe(0)
    peers.close()
    first.leave()
    peers.start()
    membership.wake()
    await expect.poll(() => statusAt(all, 0, 1), soon).toBe('alive')
    await expect.poll(() => second.others.current.size, soon).toBe(0)
  })

  test('is seen by a member that enters anew while it is told a state', async () => {
    const [all, first, second] = await pair()
    let again: Presence<Cursor, number> | undefined
    second.others.subscribe((others) => {
      if (others.get(nodeOf(all, 0).id)?.at !== 7) return
      second.leave()
      again ??= enter(all, 1, 9)
    })
    first.set({ at: 7 })
    await expect.poll(() => again && [seen(all, again, 0), seen(all, first, 1)], soon).toEqual([7, 9])
  })

  test('shows a state of the largest size, whatever its count', async () => {
    const [all, first, second] = await pair()
    for (let at = 0; at < 115; at += 1) first.set({ at })
    let length = 4_096
    // The count takes one byte up to 127, and two beyond.
    for (let at = 1; at <= 20; at += 1) {
      for (let isSet = false; !isSet; ) {
        try {
          first.set({ at, name: 'x'.repeat(length) })
          isSet = true
        } catch {
          length -= 1
        }
      }
      await expect.poll(() => seen(all, second, 0), soon).toBe(at)
    }
  }, 20_000)

  test('shows what was set, though the application has changed the object since', async () => {
    const all = await ring(2)
    const state: { at: number; name?: unknown } = { at: 3 }
    all.node(0).presence(Cursors, state as Cursor)
    await new Promise((resolve) => setTimeout(resolve, 100))
    state.name = () => 'no plain data'
    const second = enter(all, 1)
    await expect.poll(() => seen(all, second, 0), soon).toBe(3)
  })

  test('is entered by one definition of its name at a time, and by the next after that has left', async () => {
    const [all, first, second] = await pair()
    const other = definePresence<Cursor, number>('cursors')
    expect(() => all.node(0).presence(other, { at: 5 })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    for (let at = 10; at < 20; at += 1) first.set({ at })
    await expect.poll(() => seen(all, second, 0), soon).toBe(19)
    first.leave()
    await expect.poll(() => second.others.current.size, soon).toBe(0)
    const again = all.node(0).presence(other, { at: 6 })
    await expect.poll(() => [seen(all, second, 0), seen(all, again, 1)], soon).toEqual([6, 1])
    first.leave()
    second.set({ at: 8 })
    await expect.poll(() => seen(all, again, 1), soon).toBe(8)
  })

  test('tells each listener the last state last, though one of them leaves', async () => {
    const [, first, second] = await pair()
    const sizes: number[] = []
    let isArmed = false
    second.others.subscribe(() => {
      if (isArmed) second.leave()
    })
    second.others.subscribe((others) => sizes.push(others.size))
    isArmed = true
    first.set({ at: 4 })
    await expect.poll(() => sizes.length, soon).toBeGreaterThan(1)
    expect(sizes.at(-1)).toBe(0)
  })

  test('tells an event once to a listener that listens anew each time', async () => {
    const [, first, second] = await pair()
    const heard: number[] = []
    const arm = () => {
      if (heard.length > 50) return
      const stop = second.on((event) => {
        stop()
        heard.push(event)
        arm()
      })
    }
    arm()
    first.send(1)
    await expect.poll(() => heard, soon).toContain(1)
    first.send(2)
    await expect.poll(() => heard, soon).toContain(2)
    expect(heard).toEqual([1, 2])
  })

  test('sends no event after it was left', async () => {
    const [, first, second] = await pair()
    const heard: number[] = []
    second.on((event) => heard.push(event))
    first.send(1)
    first.leave()
    first.send(2)
    await expect.poll(() => second.others.current.size, soon).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(heard).toEqual([1])
  })

  test('takes a state that is no object for one without fields', async () => {
    const all = await ring(2)
    const first = all.node(0).presence(Cursors, null as never)
    expect(first.mine).toEqual({})
    const second = enter(all, 1)
    await expect.poll(() => second.others.current.get(nodeOf(all, 0).id), soon).toEqual({})
    first.leave()
    await expect.poll(() => second.others.current.size, soon).toBe(0)
    enter(all, 0, 4)
    await expect.poll(() => seen(all, second, 0), soon).toBe(4)
  })

  test('shows the state of the next boot, though one claimed to be of a far later boot', async () => {
    const [all, first] = await pair()
    const { peers, values } = partsOf(nodeOf(all, 1))
    const huge = Number.MAX_SAFE_INTEGER
    for (const stamp of [
      [huge, huge],
      [-huge, -huge],
      [Number.NaN, 1],
      [0.5, Number.POSITIVE_INFINITY],
    ])
      await peers.request(nodeOf(all, 0).id, {
        type: 'ephemeral',
        topic: 'cursors',
        body: values.encode([...stamp, false, { at: 66 }]),
      })
    expect(seen(all, first, 1)).toBe(66)
    all.kill(1)
    await all.restart(1)
    enter(all, 1, 3)
    await expect.poll(() => seen(all, first, 1), soon).toBe(3)
  })

  test('sees no member once its node is closed', async () => {
    const [all, first] = await pair()
    await all.node(0).close()
    await expect.poll(() => first.others.current.size, soon).toBe(0)
  })

  test('falls silent after members have come, gone, slept and come back', async () => {
    const [all, first, second] = await pair()
    let sent = 0
    for (const index of [0, 1])
      all.node(index).trace((event) => {
        if (event.type === 'message' && event.step === 'sent' && event.kind === 'ephemeral') sent += 1
      })
    const { membership } = partsOf(nodeOf(all, 1))
    membership.sleep()
    await expect.poll(() => statusAt(all, 0, 1), soon).toBe('away')
    membership.wake()
    await expect.poll(() => [seen(all, first, 1), seen(all, second, 0)], soon).toEqual([1, 0])
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(sent).toBeLessThan(10)
    sent = 0
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(sent).toBe(0)
  })
})
