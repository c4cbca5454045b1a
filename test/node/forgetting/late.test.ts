/**
 * What a replica does with values that it may have forgotten, by its rows: what it stamps, what it tells, and what it
 * names to the giver.
 */
import { describe, expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import type { ActorId, HybridTime, StoredKey } from '../../../src/core/ids.ts'
import { type Dot, dotName, emptyHistory, names } from '../../../src/core/versioning/causal-history.ts'
import { blindContext, contextOf, delta, type SeenContext } from '../../../src/core/versioning/context.ts'
import { hybridZero } from '../../../src/core/versioning/hybrid-time.ts'
import { join, type Record, type ValueSibling } from '../../../src/core/versioning/record.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import type { Replica } from '../../../src/node/storage/replica.ts'
import type { Coming } from '../../../src/node/storage/replica-port.ts'
import { metaRow, recordRow } from '../../../src/node/storage/rows.ts'
import { claimOf, nodeName } from '../../members.ts'
import { keyThat, replicaFixture, viewOf } from '../replica-fixture.ts'
import { written } from '../written.ts'

const exchanged = (floor: number): Coming => ({
  origin: 'exchanged',
  floorOf: () => floor as HybridTime,
  giverFloorOf: () => hybridZero,
  isKept: () => true,
})

test('a write up to the floor is taken in as it is, and told; a known one, and a later one, are not', async () => {
  const { replica, routing, horizon, late } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  horizon.floor = 5
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  await replica.take([{ key, record: written(6), hintFor: [] }], 'relaxed')
  expect(late).toEqual([])
  await replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed')
  expect(late).toEqual([key])
  expect((await replica.read(key)).record.siblings.map(({ time }) => time)).toEqual([1, 3, 6])
})

describe('a late write is told, though its transaction', () => {
  test.each([
    ['took effect and was decided again', async (take: () => Promise<unknown>) => [await take(), await take()]],
    ['took effect and failed', async (take: () => Promise<unknown>) => Promise.reject(await take())],
  ])('%s', async (_, happens) => {
    const store = memoryStore()
    const keep = store.transact.bind(store)
    const { replica, routing, horizon, late } = replicaFixture(3, 3, store)
    const key = keyThat(routing, 'owned')
    await replica.read(key)
    horizon.floor = 5
    store.transact = async (...of) => {
      store.transact = keep
      const results = await happens(() => keep(...of))
      return results.at(-1) as never
    }
    await replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed').catch(() => {})
    expect(late).toEqual([key])
    expect((await replica.read(key)).record.siblings.map(({ time }) => time)).toEqual([3])
  })
})

test('what was received before and is not here is not taken in again, and its giver is told its names', async () => {
  const { replica, routing } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  const record = written(3)
  const incoming = { key, record, hintFor: [], received: record.siblings }
  const { overwritten } = await replica.take([incoming], 'relaxed', 'another', exchanged(5))
  expect(overwritten).toEqual([{ key, record: { ...written(3), siblings: [] } }])
  expect((await replica.read(key)).record.siblings).toEqual([])
})

/** The sessions in which the siblings of a key came, in their order. */
const stampsOf = async (replica: Replica, key: StoredKey) =>
  (await replica.records([keyHashOf(key)])).flatMap(({ record, stamps }) =>
    record.siblings.map(({ dot }) => stamps.get(dotName(dot))?.count),
  )

describe('a value is stamped when it comes, and those that stay keep their stamps', () => {
  const put = replicaFixture(3).replica.written
  test.each([
    ['a put or a hint', put],
    ['an exchange', exchanged(0)],
    ['a read repair', { ...put, origin: 'read' }],
  ] as const)('by %s', async (_, coming) => {
    const { replica, routing, session } = replicaFixture(3)
    const key = keyThat(routing, 'owned')
    const take = (record: Record) => replica.take([{ key, record, hintFor: [] }], 'relaxed', 'another', coming)
    await take(written(1))
    session.count = 2
    await take(written(2))
    expect(await stampsOf(replica, key)).toEqual([1, 2])
    session.count = 3
    await take(join(written(1), written(2)))
    expect(await stampsOf(replica, key)).toEqual([1, 2])
    await take({ ...written(1), siblings: [] })
    expect((await replica.read(key)).record.siblings).toEqual(written(2).siblings)
    expect(await stampsOf(replica, key)).toEqual([2])
  })
})

test('two records of one key in one batch are joined: neither takes the place of the other', async () => {
  const { replica, routing } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  const [first, second, third] = [1, 2, 3].map((counter) => written(counter)) as [Record, Record, Record]
  const { overwritten } = await replica.take(
    [
      { key, record: join(first, third), hintFor: [], received: third.siblings },
      { key, record: second, hintFor: [] },
    ],
    'relaxed',
    'another',
    exchanged(0),
  )
  expect((await replica.read(key)).record.siblings).toEqual(join(first, second).siblings)
  expect(overwritten).toEqual([{ key, record: { ...third, siblings: [] } }])
})

test('two records of one key in one batch are kept for all whom they are owed to', async () => {
  const { replica, routing } = replicaFixture(6)
  const key = keyThat(routing, 'not owned')
  const entries = [1, 2].map((counter) => ({ key, record: written(counter), hintFor: [nodeName(1 + counter)] }))
  await replica.take(entries, 'relaxed')
  const [hint] = await replica.hints.of([key])
  expect(hint).toEqual({ key, record: join(written(1), written(2)), targets: [nodeName(2), nodeName(3)].sort() })
})

test('a damaged record takes the horizon of its partition away, and nothing that comes for its key is taken for received', async () => {
  const store = memoryStore()
  const { replica, routing, horizon } = replicaFixture(3, 3, store)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  horizon.at = 5
  await store.transact([], 'relaxed', () => ({
    writes: [{ key: recordRow(key), value: Uint8Array.of(1, 2, 3) }],
    result: undefined,
  }))
  const record = written(1)
  const incoming = { key, record, hintFor: [], received: record.siblings }
  await replica.take([incoming], 'relaxed', 'this node', exchanged(5))
  expect(horizon.at).toBe(0)
  // In the transaction that notes the loss, or a crash would bring the claim back without the row.
  expect(await store.read([metaRow('lost')])).toEqual([Uint8Array.of(1)])
  expect(await replica.read(key)).toMatchObject({ isLost: false, record: written(1) })
})

test('a commit that is decided again, since its connection was lost, is open since it was first decided', async () => {
  const store = memoryStore()
  const decidedAgain = deferred<void>()
  const { replica, routing, session } = replicaFixture(3, 3, {
    ...store,
    // The first time it took effect, and no word of that came.
    transact: async (keys, how, decide) => {
      await store.transact(keys, how, decide)
      session.count = 2
      const done = await store.transact(keys, how, decide)
      decidedAgain.resolve()
      await after.promise
      return done
    },
  })
  const after = deferred<void>()
  const key = keyThat(routing, 'owned')
  const taken = replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
  await decidedAgain.promise
  expect(replica.openSince).toBe(1)
  after.resolve()
  await taken
  expect(await stampsOf(replica, key)).toEqual([1])
})

test('a row that the store holds and no trie had is stamped, all of it, as it is found: no exchange has given it', async () => {
  const store = memoryStore()
  const { replica, routing, session } = replicaFixture(3, 3, store)
  const key = keyThat(routing, 'owned')
  await replica.forest()
  // Another connection to the same database, as of a copied tab.
  await replicaFixture(3, 3, store).replica.take(
    [{ key, record: join(written(1), written(2)), hintFor: [] }],
    'relaxed',
  )
  session.count = 5
  expect(await replica.scrub(partitionOf(key))).toBe(1)
  expect(await stampsOf(replica, key)).toEqual([5, 5])
})

test('a read repair brings nothing that may have been forgotten to be overwritten, nor its name', async () => {
  const { replica, routing, horizon, late } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  await replica.take([{ key, record: written(6), hintFor: [] }], 'relaxed')
  horizon.floor = 5
  const found = { ...replica.written, origin: 'read' } as const
  await replica.take([{ key, record: written(3), hintFor: [] }], 'relaxed', 'this node', found)
  expect((await replica.read(key)).record).toEqual(written(6))
  expect(late).toEqual([])
})

test.each([
  ['a hint of it is kept', async (end: unknown) => end],
  [
    'the end of the hint’s commit is not reported yet',
    (end: unknown, reported: Promise<void>) => reported.then(() => end),
  ],
  ['the hint’s commit has taken effect and failed', async (end: unknown) => Promise.reject(end)],
])(
  'a value that is overwritten here is not shown again, and its name is not pruned, while %s',
  async (_, reporting) => {
    const store = memoryStore()
    const keep = store.transact.bind(store)
    const reported = deferred<void>()
    const { replica, routing, horizon } = replicaFixture(6, 3, store)
    const key = keyThat(routing, 'not owned')
    const target = nodeName(2)
    await replica.forest()
    const shown = async () => (await replica.read(key)).record.siblings.map(({ dot }) => dotName(dot))
    const writes = ['aa', 'bb', 'cc'].map((digits, index): ValueSibling => {
      const dot = { actor: digits.padStart(16, '0') as ActorId, counter: 1 }
      return { kind: 'value', dot, time: (10 + 10 * index) as HybridTime, value: Uint8Array.of(index), expiresAt: null }
    })
    const [first, , third] = writes.map(({ dot }) => dot) as [Dot, Dot, Dot]
    let seen: SeenContext = blindContext
    for (const [index, write] of writes.entries()) {
      const hintFor = index === 0 ? [target] : []
      let written: Promise<unknown> = Promise.resolve()
      store.transact = (...of) => {
        const end = keep(...of)
        written = end
        return index === 0 ? end.then((result) => reporting(result, reported.promise) as never) : end
      }
      const record = delta(seen, write)
      const taking = replica.take([{ key, record, hintFor }], 'relaxed').catch(() => {})
      await (index === 0 ? written : taking)
      // Once the hint is here, half of the members go, and this node comes to own the key.
      if (index === 0)
        routing.follow(viewOf([1, 2, 3].map((member) => claimOf(member))), [claimOf(4), claimOf(5), claimOf(6)])
      seen = contextOf(record)
      // The horizon passes the write that overwrote the first one, before the third one comes.
      horizon.at = 15 + 10 * index
    }
    expect(await shown()).toEqual([dotName(third)])
    reported.resolve()
    await replica.scrub(partitionOf(key))
    const isNamed = async () => {
      const [own] = await replica.records([keyHashOf(key)])
      return names(own?.record.history ?? emptyHistory, first)
    }
    expect([await isNamed(), await shown()]).toEqual([true, [dotName(third)]])
    // Once the hint is gone, nothing needs the name any more.
    await replica.hints.settle(target, await replica.hints.of([key]))
    expect(replica.hints.size).toBe(0)
    await replica.scrub(partitionOf(key))
    expect([await isNamed(), await shown()]).toEqual([false, [dotName(third)]])
  },
)
