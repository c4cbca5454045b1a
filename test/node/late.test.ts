/**
 * What an owner does with writes that come too late, and with what others say was overwritten long ago.
 */
import { expect, test } from 'vitest'
import { keyHashOf } from '../../src/core/hash.ts'
import type { HybridTime } from '../../src/core/ids.ts'
import { emptyHistory, upToHorizon } from '../../src/core/versioning/causal-history.ts'
import { emptyRecord, type Record } from '../../src/core/versioning/record.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { HintRefused } from '../../src/node/hint-tally.ts'
import { recordRow } from '../../src/node/rows.ts'
import { keyThat, station } from './station.ts'
import { written } from './written.ts'

const overwritten = (horizon: number): Record => ({
  history: upToHorizon(emptyHistory, horizon as HybridTime),
  siblings: [],
})

test('a write as old as was promised is refused, unless it is known; what another replica knows is taken in', async () => {
  const { replica, routing, horizon } = station(3)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  horizon.at = 5
  expect(await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')).toMatchObject({ late: [] })
  const other = { key, record: written(3), hintFor: [] }
  expect(await replica.take([other], 'relaxed')).toMatchObject({ late: [key], until: 5 })
  expect((await replica.read(key)).record.siblings).toEqual(written(1).siblings)
  expect(await replica.take([{ key, record: written(6), hintFor: [] }], 'relaxed')).toMatchObject({ late: [] })
  expect((await replica.read(key)).record.siblings).toHaveLength(2)
})

test('while this node has to catch up, an old write has to wait', async () => {
  const { replica, routing, horizon } = station(3)
  const key = keyThat(routing, 'owned')
  horizon.untold = 5
  await expect(replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed', 'another')).rejects.toThrow(
    HintRefused,
  )
  expect((await replica.read(key)).record).toEqual(emptyRecord)
})

test('what was overwritten long ago is not taken in again, and who brings it is told so', async () => {
  const { replica, routing, horizon } = station(3)
  const key = keyThat(routing, 'owned')
  horizon.at = 5
  const taken = await replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed', 'another', 'moved')
  expect(taken.covering).toEqual([
    { key, record: { ...overwritten(5), history: expect.objectContaining({ horizon: 5 }) } },
  ])
  expect(replica.recordCount).toBe(0)
})

test('what nobody else was given is not given up because others take it for overwritten', async () => {
  const { replica, routing } = station(3)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed')
  const { orphaned } = await replica.take(
    [{ key, record: overwritten(5), hintFor: [] }],
    'relaxed',
    'this node',
    'moved',
  )
  expect(orphaned).toEqual([{ key, record: written(3) }])
  expect((await replica.read(key)).record).toEqual(written(3))
})

test('a damaged record takes the horizon of its partition away: what comes for its key is not taken for overwritten', async () => {
  const store = memoryStore()
  const { replica, routing, horizon } = station(3, 3, store)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  horizon.at = 5
  await store.transact([], 'relaxed', () => ({
    writes: [{ key: recordRow(key), value: Uint8Array.of(1, 2, 3) }],
    result: undefined,
  }))
  await replica.take([{ key, record: written(6), hintFor: [] }], 'relaxed', 'this node', 'moved')
  expect(horizon.at).toBe(0)
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed', 'this node', 'moved')
  const [entry] = await replica.records([keyHashOf(key)])
  expect(entry?.record.history.horizon).toBe(0)
  expect(entry?.record.siblings).toHaveLength(2)
})
