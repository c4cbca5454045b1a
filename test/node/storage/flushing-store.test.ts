import { expect, test } from 'vitest'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { noTrouble } from '../../../src/node/api/events.ts'
import { Trace, type TraceEvent } from '../../../src/node/api/trace.ts'
import { FlushingStore } from '../../../src/node/storage/flushing-store.ts'
import { metaRow } from '../../../src/node/storage/rows.ts'
import { type Durability, type RowKey, type Store, StoreFailure } from '../../../src/ports.ts'
import { systemClock } from '../../../src/system-clock.ts'

const row = (name: string): RowKey => ['record', '', name]

/** A store, and each commit that the disk sees: how durable it is to be, and how many rows it writes. */
function watched() {
  const commits: string[] = []
  const inner = memoryStore()
  const store: Store = {
    ...inner,
    transact: (keys, durability, decide) =>
      inner.transact(keys, durability, (rows) => {
        const { writes, result } = decide(rows)
        commits.push(`${durability} ${writes.length}`)
        return { writes, result }
      }),
  }
  const flushing = new FlushingStore(store, noTrouble(), new Trace(systemClock))
  const put = (key: RowKey, how: Durability = 'relaxed') =>
    flushing.transact([], how, () => ({ writes: [{ key, value: new Uint8Array(1) }], result: null }))
  return { commits, flushing, put }
}

test('what earlier boots have left is flushed once, and nothing where nothing came since', async () => {
  const { commits, flushing } = watched()
  await flushing.flush()
  await flushing.flush()
  expect(commits).toEqual(['strict 1'])
})

test('a flush waits for the disk where a record came since the last strict commit, whoever made that', async () => {
  const { commits, flushing, put } = watched()
  await put(row('a'))
  await put(row('b'), 'strict')
  await flushing.flush()
  expect(commits).toEqual(['relaxed 1', 'strict 1'])
  await put(row('c'))
  await flushing.flush()
  expect(commits.slice(2)).toEqual(['relaxed 1', 'strict 1'])
})

test('what this node notes of itself is nothing that others rely on', async () => {
  const { commits, flushing, put } = watched()
  await flushing.flush()
  await put(metaRow('ownership'))
  await flushing.flush()
  expect(commits).toEqual(['strict 1', 'relaxed 1'])
})

test('a record that is committed while a flush is under way is not flushed by it', async () => {
  const { commits, flushing, put } = watched()
  const flushed = flushing.flush()
  const stored = put(row('a'))
  await Promise.all([flushed, stored])
  await flushing.flush()
  expect(commits).toEqual(['strict 1', 'relaxed 1', 'strict 1'])
})

test('a strict commit that finds nothing to write flushes what is not', async () => {
  const { commits, flushing, put } = watched()
  const nothing = () => flushing.transact([], 'strict', () => ({ writes: [], result: null }))
  await put(row('a'))
  await nothing()
  await nothing()
  expect(commits).toEqual(['relaxed 1', 'strict 1', 'strict 0'])
})

test('failures of the disk are counted and traced, whoever waits for them, and not the end of the node', async () => {
  const trouble = noTrouble()
  const trace = new Trace({ now: () => 0 })
  const heard: TraceEvent[] = []
  trace.listen((event) => heard.push(event))
  const fails = (reason: 'failed' | 'closed') => {
    const work = () => Promise.reject(new StoreFailure(reason, 'the test lets this one fail'))
    return new FlushingStore({ ...memoryStore(), transact: work, read: work, scan: work }, trouble, trace)
  }
  for (const store of [fails('failed'), fails('closed')]) {
    await store.flush().catch(() => {})
    await store.read([]).catch(() => {})
    await store.scan({ table: 'record', limit: 1 }).catch(() => {})
  }
  expect(trouble).toEqual({ ...noTrouble(), storage: 3 })
  expect(heard).toEqual(Array(3).fill({ at: 0, type: 'storage', step: 'failure', why: 'storage-failed' }))
})
