/**
 * What a node says of its store, on virtual time: the store is a stand-in that answers as a test says.
 */
import { expect, test } from 'vitest'
import type { StorageState } from '../../../src/core/membership/claims.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { StoreHealth } from '../../../src/node/membership/store-health.ts'
import { type Store, StoreFailure } from '../../../src/ports.ts'
import { nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

function healthOf() {
  const clock = new VirtualClock()
  const disk = { state: 'ok' as StorageState, writes: 0 }
  const inner = memoryStore()
  const transact: Store['transact'] = (...how) => {
    disk.writes += 1
    return disk.state === 'ok'
      ? inner.transact(...how)
      : Promise.reject(new StoreFailure(disk.state, 'as the test says'))
  }
  const said: string[] = []
  const seen = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const health = new StoreHealth(seen, { ...inner, transact }, () => 0.5, nodeName(1))
  health.onSays = (state) => said.push(state)
  health.onGivenUp = () => said.push('given up')
  const becomes = (state: StorageState) => {
    disk.state = state
    health.was(state)
  }
  return { clock, disk, said, health, becomes }
}

test('a full store is told at once, and that it has room when a look has found some, whatever small writes say', async () => {
  const { clock, disk, said, health, becomes } = healthOf()
  becomes('full')
  health.was('ok')
  await clock.run(600_000)
  expect(said).toEqual(['full'])
  disk.state = 'ok'
  await clock.run(120_000)
  expect(said).toEqual(['full', 'ok'])
})

test('looks at a store that stays full become rare', async () => {
  const { clock, disk, becomes } = healthOf()
  becomes('full')
  await clock.run(3_600_000)
  expect(disk.writes).toBe(30)
})

test('a store that is full again soon after is looked at as rarely as before', async () => {
  const { clock, disk, said, becomes } = healthOf()
  becomes('full')
  await clock.run(500_000)
  disk.state = 'ok'
  await clock.run(120_000)
  becomes('full')
  disk.writes = 0
  await clock.run(100_000)
  expect([said, disk.writes]).toEqual([['full', 'ok', 'full'], 0])
})

test('what was dropped may have made room: a look is made at once', async () => {
  const { clock, disk, said, health, becomes } = healthOf()
  becomes('full')
  disk.state = 'ok'
  await health.look()
  await clock.run(1)
  expect(said).toEqual(['full', 'ok'])
})

test('a failure or two are not worth telling of, and the next look sees that the store works', async () => {
  const { clock, disk, said, health, becomes } = healthOf()
  becomes('failed')
  health.was('failed')
  health.was('failed')
  disk.state = 'ok'
  await clock.run(60_000)
  expect([said, health.said]).toEqual([[], 'ok'])
})

test('a store that goes on failing is told to have failed, and given up a minute later, also where nobody writes', async () => {
  const { clock, disk, said, becomes } = healthOf()
  becomes('failed')
  await clock.run(9_000)
  expect(said).toEqual([])
  await clock.run(21_000)
  expect(said).toEqual(['failed'])
  await clock.run(60_000)
  expect(said).toEqual(['failed', 'given up'])
  disk.writes = 0
  await clock.run(3_600_000)
  expect(disk.writes).toBe(0)
})

test('a write that succeeds takes back that the store has failed', async () => {
  const { clock, said, becomes } = healthOf()
  becomes('failed')
  await clock.run(30_000)
  becomes('ok')
  await clock.run(3_600_000)
  expect(said).toEqual(['failed', 'ok'])
})
