/**
 * The browser's store where its database does the worst that browsers do, one thing at a time.
 */
import { expect, test } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb/indexeddb-store.ts'
import { bounds } from '../../src/core/bounds.ts'
import type { RowKey, Store } from '../../src/ports.ts'
import { ahead, VirtualClock } from '../simulation/virtual-clock.ts'
import { FakeDisk } from './disk.ts'
import { installFake } from './factory.ts'
import { type Course, type Failure, type Opening, smooth } from './tab.ts'

/** More than a store waits for. */
const tooLongMs = 1.5 * bounds.storageTimeoutMs
/** From so many rows on a commit goes to the log. */
const logRowsMin = 3

/** A disk and tabs on it; what the next transactions that write, and openings, come to is asked for in advance. */
function bench() {
  const [clock, disk] = [new VirtualClock(), new FakeDisk()]
  const [writing, opening]: [Course[], Opening[]] = [[], []]
  let life = { isAlive: true }
  installFake((database) => {
    const own = life
    const tab = {
      post: (delayMs: number, task: () => void) => void clock.after(delayMs, () => (own.isAlive ? task() : undefined)),
      get isAlive() {
        return own.isAlive
      },
      task: () => clock.events,
      courseOf: (mode: IDBTransactionMode) => (mode === 'readonly' ? smooth : (writing.shift() ?? smooth)),
      opening: () => opening.shift() ?? { delayMs: 0, refusal: null },
    }
    return { tab, disk, database }
  })
  const events: string[] = []
  const portClock = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  return {
    clock,
    disk,
    writing,
    opening,
    events,
    failing: (name: string, when: Failure['when'], closes = false): Course => {
      return { ...smooth, failure: { name, when, closes } }
    },
    open: async () => {
      const lost = () => events.push('lost')
      return (await ahead(clock, openIndexedDbStore('database', portClock, lost, logRowsMin))).store
    },
    ahead: <T>(promise: Promise<T>) => ahead(clock, promise),
    /** The tab ends without a word. */
    kill: () => {
      life.isAlive = false
      life = { isAlive: true }
    },
  }
}

const row = (name: string): RowKey => ['record', 'g', name]
const bytes = (value: number) => Uint8Array.of(value)

const put = (store: Store, names: readonly string[], value: number, durability: 'relaxed' | 'strict' = 'relaxed') =>
  store.transact([], durability, () => ({
    writes: names.map((name) => ({ key: row(name), value: bytes(value) })),
    result: undefined,
  }))

test('a commit of which no word comes fails, and what it logged is found by those after it', async () => {
  const { ahead, open, opening, writing, failing } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'z'], 1))
  writing.push(failing('AbortError', 'behind its commit', true))
  opening.push({ delayMs: null, refusal: null })
  await expect(ahead(put(store, ['a', 'c', 'd'], 2))).rejects.toMatchObject({ reason: 'failed' })
  const seen = await ahead(store.transact([row('a'), row('c')], 'relaxed', (rows) => ({ writes: [], result: rows })))
  expect(seen).toEqual([bytes(2), bytes(2)])
  expect(await ahead(store.read([row('a'), row('b'), row('c')]))).toEqual([bytes(2), bytes(1), bytes(2)])
})

test('of a commit of which no word comes all is read or scanned or nothing, wherever its rows are', async () => {
  const { ahead, open, opening, writing, failing } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'c'], 1))
  await ahead(put(store, ['x'], 1))
  writing.push(failing('AbortError', 'behind its commit', true))
  opening.push({ delayMs: null, refusal: null })
  // One stands in the log, the other does not and goes to its place: as many rows as these are logged only where one is.
  await expect(ahead(put(store, ['a', 'x'], 2))).rejects.toMatchObject({ reason: 'failed' })
  expect(await ahead(store.read([row('a'), row('x')]))).toEqual([bytes(2), bytes(2)])
  const scanned = await ahead(store.scan({ table: 'record', limit: 10 }))
  expect(scanned.map(({ value }) => value[0])).toEqual([2, 1, 1, 2])
})

test.each([
  ['undone before it began', 'before it', false],
  ['undone at its end', 'at its commit', false],
  ['completed without a word', 'behind its commit', false],
  ['undone as the browser closed the connection', 'at its commit', true],
  ['completed as the browser closed the connection', 'behind its commit', true],
] as const)('a commit that is %s is tried again, and there once', async (_what, when, closes) => {
  const { ahead, open, writing, failing, kill } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'z'], 1))
  writing.push(failing('AbortError', when, closes))
  const count = () =>
    store.transact([row('a'), row('c')], 'relaxed', ([a]) => ({
      writes: ['a', 'c'].map((name) => ({ key: row(name), value: bytes((a?.[0] ?? 0) + 1) })),
      result: undefined,
    }))
  await ahead(count())
  const due = when === 'behind its commit' ? 3 : 2
  expect(await ahead(store.read([row('a'), row('b'), row('c')]))).toEqual([bytes(due), bytes(1), bytes(due)])
  kill()
  const again = await open()
  expect(await ahead(again.read([row('a'), row('b'), row('c')]))).toEqual([bytes(due), bytes(1), bytes(due)])
})

test('a scan goes on behind rows that the log deletes, as far as it holds others', async () => {
  const { ahead, open } = bench()
  const store = await open()
  await ahead(put(store, ['a'], 1))
  const writes = ['a', 'b', 'c', 'd'].map((name) => ({ key: row(name), value: name === 'a' ? null : bytes(2) }))
  await ahead(store.transact([], 'relaxed', () => ({ writes, result: undefined })))
  const found = await ahead(store.scan({ table: 'record', limit: 2 }))
  expect(found.map(({ key }) => key[2])).toEqual(['b', 'c'])
})

test('what a tab that ended had not committed never happened, and what waited for its locks goes on', async () => {
  const { ahead, clock, open, writing, kill } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'z'], 1))
  writing.push({ ...smooth, startMs: tooLongMs })
  void put(store, ['a', 'b'], 2).catch(() => {})
  await clock.run(10)
  kill()
  const again = await open()
  await ahead(put(again, ['c'], 3))
  expect(await ahead(again.read([row('a'), row('b'), row('c')]))).toEqual([bytes(1), bytes(1), bytes(3)])
})

test('an opening that never settles fails, and the next one is another', async () => {
  const { ahead, open, opening } = bench()
  opening.push({ delayMs: null, refusal: null })
  await expect(open()).rejects.toMatchObject({ reason: 'failed' })
  const store = await open()
  await ahead(put(store, ['a'], 1))
})

test('a connection that is to be opened again and never is fails what waits for it, and what comes later opens another', async () => {
  const { ahead, open, opening, writing, failing } = bench()
  const store = await open()
  writing.push(failing('AbortError', 'at its commit', true))
  opening.push({ delayMs: null, refusal: null })
  await expect(ahead(put(store, ['a'], 1))).rejects.toMatchObject({ reason: 'failed' })
  await ahead(put(store, ['a'], 2))
  expect(await ahead(store.read([row('a')]))).toEqual([bytes(2)])
})

test('a power cut takes the last relaxed commits, as wholes, and nothing that came before a strict one', async () => {
  const { ahead, disk, open, kill } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'z'], 1))
  await ahead(put(store, ['c'], 1, 'strict'))
  await ahead(put(store, ['a', 'b', 'z'], 2))
  await ahead(put(store, ['c', 'd'], 2))
  kill()
  expect(disk.loseSuffix(1)).toBe(1)
  const again = await open()
  const names = ['a', 'b', 'c', 'd'].map(row)
  expect(await ahead(again.read(names))).toEqual([bytes(2), bytes(2), bytes(1), undefined])
  kill()
  expect(disk.loseSuffix(20)).toBe(1)
  const last = await open()
  expect(await ahead(last.read(names))).toEqual([bytes(1), bytes(1), bytes(1), undefined])
})

test('a database that was taken away under its connection is a new one, and that is told', async () => {
  const { ahead, clock, disk, events, open } = bench()
  const store = await open()
  await ahead(put(store, ['a', 'b', 'z'], 1))
  disk.evict()
  await clock.run(0)
  expect(await ahead(store.read([row('a'), row('b')]))).toEqual([undefined, undefined])
  expect(events).toEqual(['lost'])
})
