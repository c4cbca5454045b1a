/**
 * When a tab takes care of what others have left behind: on virtual time, with slots that a test fills and empties.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { adoptOrphans } from '../../../src/node/handoff/adoption.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

function caring() {
  const clock = new VirtualClock()
  const seen = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const orphans = new Set<string>()
  const tried: string[] = []
  const failing = new Set<string>()
  const stop = adoptOrphans(
    seen,
    () => 0.5,
    async () => [...orphans],
    async (slot) => {
      tried.push(slot)
      if (failing.has(slot)) throw new Error('nobody in reach')
      orphans.delete(slot)
    },
  )
  return { clock, orphans, tried, failing, stop, looks: (count: number) => clock.run(count * bounds.adoptAfterMs + 1) }
}

test('a slot is handed over when it has had no tab for about a minute, one after the other', async () => {
  const { orphans, tried, looks } = caring()
  for (const slot of ['a', 'b']) orphans.add(slot)
  await looks(1)
  expect(tried).toEqual([])
  await looks(1)
  expect(tried).toEqual(['a'])
  await looks(1)
  expect(tried).toEqual(['a', 'b'])
})

test('a slot that a tab takes again meanwhile is left alone, and one that could not be handed over is tried again', async () => {
  const { orphans, tried, failing, stop, looks } = caring()
  orphans.add('a')
  await looks(1)
  orphans.delete('a')
  await looks(1)
  orphans.add('a')
  await looks(1)
  expect(tried).toEqual([])
  failing.add('a')
  await looks(2)
  expect(tried).toEqual(['a', 'a'])
  stop()
  await looks(2)
  expect(tried).toHaveLength(2)
})

test('a slot that cannot be handed over keeps no other back', async () => {
  const { orphans, tried, failing, looks } = caring()
  for (const slot of ['a', 'b', 'c']) orphans.add(slot)
  failing.add('a')
  await looks(5)
  expect(tried.slice(0, 3)).toEqual(['a', 'b', 'c'])
  expect([...orphans]).toEqual(['a'])
})

test('it is tried again after twice as long each time, up to an hour', async () => {
  const { orphans, tried, failing, looks } = caring()
  orphans.add('a')
  failing.add('a')
  await looks(1 + 1 + 1 + 2 + 4 + 8 + 16 + 32)
  expect(tried).toHaveLength(7)
  await looks(600)
  expect(tried).toHaveLength(17)
})

test('of several that cannot be handed over, each has its turn', async () => {
  const { orphans, tried, failing, looks } = caring()
  for (const slot of ['a', 'b', 'c', 'd']) {
    orphans.add(slot)
    failing.add(slot)
  }
  await looks(13)
  const counts = ['a', 'b', 'c', 'd'].map((slot) => tried.filter((each) => each === slot).length)
  expect(counts).toEqual([3, 3, 3, 3])
})

test('a slot that a tab had meanwhile waits for no former failure', async () => {
  const { orphans, tried, failing, looks } = caring()
  orphans.add('a')
  failing.add('a')
  await looks(10)
  orphans.delete('a')
  await looks(1)
  failing.clear()
  orphans.add('a')
  tried.length = 0
  await looks(2)
  expect(tried).toEqual(['a'])
})
