/**
 * How records are moved: in bounded batches, and in small ones while there are requests.
 */

import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { partsOf } from '../../../src/node/storage-node.ts'
import { eachPage } from '../../../src/node/transfer/batches.ts'
import { Throttle } from '../../../src/node/transfer/throttle.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

const items = Array.from({ length: 1000 }, (_, index) => index)

/** Records are small here. */
function paceAt(): { readonly clock: VirtualClock; readonly throttle: Throttle } {
  const clock = new VirtualClock()
  const throttle = new Throttle(clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 }))
  for (let seen = 0; seen < 5; seen += 1) throttle.saw(1, 100)
  return { clock, throttle }
}

/** Visits all items in pages that take a moment; returns the pages, and how many were under way at once. */
async function pagesOf({
  clock,
  throttle,
}: ReturnType<typeof paceAt>): Promise<{ readonly pages: readonly (readonly number[])[]; readonly most: number }> {
  const pages: (readonly number[])[] = []
  let [underWay, most] = [0, 0]
  // Two that move something at once share what the node does at a time.
  const halves = [items.slice(0, 500), items.slice(500)]
  const moving = halves.map((half) =>
    eachPage(half, throttle, async (page) => {
      pages.push(page)
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise<void>((resolve) => clock.after(1, resolve))
      underWay -= 1
    }),
  )
  await clock.run(bounds.busyForMs / 2)
  await Promise.all(moving)
  return { pages, most }
}

test('what is moved goes in large batches, some at once', async () => {
  const { pages, most } = await pagesOf(paceAt())
  expect(pages.flat().toSorted((a, b) => a - b)).toEqual(items)
  expect(pages[0]).toHaveLength(bounds.batchRecordsMax)
  expect(most).toBe(bounds.batchesAtOnce)
})

test('while there are gets and puts, and a moment after, it goes in small batches, one at a time', async () => {
  const { clock, throttle } = paceAt()
  throttle.request()
  const { pages, most } = await pagesOf({ clock, throttle })
  expect(pages.flat().toSorted((a, b) => a - b)).toEqual(items)
  expect(Math.max(...pages.map((page) => page.length))).toBe(bounds.busyBatchRecords)
  expect(most).toBe(1)
  await clock.run(bounds.busyForMs)
  expect((await pagesOf({ clock, throttle })).most).toBe(bounds.batchesAtOnce)
})

test('of large records no more are moved together than fit a batch, and many again when they are small again', () => {
  const clock = new VirtualClock()
  const throttle = new Throttle(clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 }))
  const seen = (count: number, bytesEach: number) => {
    for (let times = 0; times < count; times += 1) throttle.saw(throttle.records, throttle.records * bytesEach)
    return throttle.records
  }
  // Nobody knows yet how large they are: some of the largest still fit the memory. Who is asked for them may know.
  expect(throttle.records).toBe(bounds.unseenBatchRecords)
  expect(throttle.recordsAsked).toBe(bounds.batchRecordsMax)
  throttle.saw(1, 100)
  expect(throttle.records).toBe(bounds.batchRecordsMax)
  expect(seen(1, 1_000_000)).toBe(1)
  expect(seen(20, 100)).toBe(bounds.batchRecordsMax)
  expect(seen(4, bounds.batchBytesMax / 8)).toBeCloseTo(8, -1)
})

test('what is moved waits for the gets and puts that the store is at work on, but not for ever', async () => {
  const { clock, throttle } = paceAt()
  let done = 0
  const moving = () =>
    throttle.work(async () => {
      done += 1
    })
  await moving()
  const work = deferred<void>()
  const served = throttle.serve(() => work.promise)
  const first = moving()
  await clock.run(1)
  expect(done).toBe(1)
  work.resolve()
  await Promise.all([served, first])
  void throttle.serve(() => new Promise(() => {}))
  const second = moving()
  await clock.run(bounds.restMsMax + bounds.quietTimeoutMs)
  await second
  expect(done).toBe(3)
})

test('while there are gets and puts the store rests between what is moved, and not otherwise', async () => {
  const { clock, throttle } = paceAt()
  const tookMs = 5
  /** Some work, one after the other, as an exchange has it; how long all of it took. */
  const moveAll = async (requests: 'requests' | 'none') => {
    const startedAt = clock.now
    let isOver = false
    const moving = async () => {
      for (let count = 0; count < 20; count += 1)
        await throttle.work(() => new Promise<void>((resolve) => clock.after(tookMs, resolve)))
      isOver = true
    }
    const over = moving()
    while (!isOver) {
      if (requests === 'requests') throttle.request()
      await clock.run(1)
    }
    await over
    return clock.now - startedAt
  }
  expect(await moveAll('none')).toBeLessThan(20 * tookMs + 10)
  // All but the rest that it may catch up on, and the last.
  expect(await moveAll('requests')).toBeGreaterThan((20 * tookMs - bounds.restAheadMs) / bounds.busyShare - 100)
})

test('a page that fails is the last one begun, and its error comes when those under way are over', async () => {
  let [begun, over] = [0, 0]
  const pacing = paceAt()
  const failing = eachPage(items, pacing.throttle, async () => {
    begun += 1
    const isFirst = begun === 1
    await Promise.resolve()
    if (isFirst) throw new Error('the disk')
    over += 1
  })
  await expect(failing).rejects.toThrow('the disk')
  expect(over).toBe(begun - 1)
  expect(begun).toBeLessThanOrEqual(bounds.batchesAtOnce)
  // Whoever comes next finds every turn free.
  expect((await pagesOf(pacing)).most).toBe(bounds.batchesAtOnce)
})

test('a node that has stored puts knows how large records are, and moves many at once from the first page on', async () => {
  const { clock, world, ahead } = await virtualRing({ nodes: 2 })
  const nodes = world.places.map(nodeOf)
  expect(nodes.map((node) => partsOf(node).throttle.records)).toEqual([
    bounds.unseenBatchRecords,
    bounds.unseenBatchRecords,
  ])
  await Promise.all(nodes.slice(1).map((node) => ahead(node.put('small', null, 'value'))))
  await clock.run(bounds.busyForMs)
  expect(nodes.map((node) => partsOf(node).throttle.records)).toEqual([bounds.batchRecordsMax, bounds.batchRecordsMax])
})
