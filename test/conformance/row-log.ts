/**
 * Large commits go through a log: whoever reads or writes must not be able to tell.
 */
import fc from 'fast-check'
import { openDB } from 'idb'
import { expect, test } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb/indexeddb-store.ts'
import { packed } from '../../src/browser/indexeddb/row-log.ts'
import { bounds } from '../../src/core/bounds.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import type { Clock, RowKey, Store, Write } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'

/** A clock that stands still until it is told to go on. */
class HandClock implements Clock {
  #now = 0
  readonly #due = new Set<{ readonly atMs: number; readonly task: () => void }>()
  now = () => this.#now
  wall = systemClock.wall

  after(delayMs: number, task: () => void): () => void {
    const due = { atMs: this.#now + delayMs, task }
    this.#due.add(due)
    return () => this.#due.delete(due)
  }

  go(ms: number): void {
    this.#now += ms
    for (const due of [...this.#due].filter(({ atMs }) => atMs <= this.#now)) {
      this.#due.delete(due)
      due.task()
    }
  }
}

const many = bounds.logRowsMin
const row = (index: number): RowKey => ['record', String(index % 3), String(index).padStart(4, '0')]
const value = (index: number, by: number): Uint8Array => Uint8Array.of(index & 0xff, by & 0xff, by >> 8)
const rowsFrom = (first: number, count: number, by: number): Write[] =>
  Array.from({ length: count }, (_, index) => ({ key: row(first + index), value: value(first + index, by) }))
const write = (store: Store, writes: readonly Write[]) =>
  store.transact([], 'relaxed', () => ({ writes, result: undefined }))
const open = async (name: string, clock: Clock) => (await openIndexedDbStore(name, clock, () => {})).store
const fresh = () => `log ${Math.random()}`

/** How many entries the log has, and how many rows are in their places. */
async function placesIn(name: string): Promise<{ readonly logged: number; readonly placed: number }> {
  const database = await openDB(name)
  const [logged, placed] = await Promise.all([database.count('log'), database.count('rows')])
  database.close()
  return { logged, placed }
}

/** Time goes on until everything is in its place. */
async function settle(name: string, clock: HandClock): Promise<void> {
  await expect
    .poll(
      () => {
        clock.go(bounds.logSettleMs)
        return placesIn(name)
      },
      { interval: 5 },
    )
    .toMatchObject({ logged: 0 })
}

type Step =
  | { readonly kind: 'write'; readonly from: number; readonly count: number; readonly deletes: number }
  | { readonly kind: 'settle' | 'settle some' | 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      from: fc.nat(60),
      count: fc.oneof(fc.nat(3), fc.integer({ min: many, max: many + 20 })),
      deletes: fc.nat(4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('settle' as const, 'settle some' as const, 'reopen' as const) }),
  },
)

export function describeRowLog(): void {
  test('many rows that are committed together are one entry of the log, and are in their places a while later', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const store = await open(name, clock)
    await write(store, rowsFrom(0, many, 1))
    expect(await placesIn(name)).toEqual({ logged: 1, placed: 0 })
    await write(store, rowsFrom(1000, many - 1, 1))
    expect(await placesIn(name)).toEqual({ logged: 1, placed: many - 1 })
    await settle(name, clock)
    expect(await placesIn(name)).toEqual({ logged: 0, placed: 2 * many - 1 })
    await store.close()
  })

  test('an entry is small, however much is committed together', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    const writes = rowsFrom(0, 500, 1).map(({ key }) => ({ key, value: new Uint8Array(bounds.logEntryBytes / 100) }))
    await write(store, writes)
    expect((await placesIn(name)).logged).toBeGreaterThanOrEqual(5)
    await store.close()
  })

  test('large rows go to their places at once, and so do all where the log is full', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    const sized = (from: number, count: number, bytes: number) =>
      rowsFrom(from, count, 1).map(({ key }) => ({ key, value: new Uint8Array(bytes) }))
    await write(store, sized(0, many, bounds.logRowBytes))
    expect(await placesIn(name)).toEqual({ logged: 0, placed: many })
    for (let bytes = 0; bytes < bounds.logBytesMax; bytes += 2_000 * 700)
      await write(store, sized(many + bytes, 2_000, 700))
    expect((await placesIn(name)).placed).toBeGreaterThan(many)
    await store.close()
  })

  test('a transaction of another page that has the database too sees what is logged, and what it writes stays', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const [one, other] = [await open(name, clock), await open(name, new HandClock())]
    await write(one, rowsFrom(0, many, 1))
    const seen = await other.transact([row(0), row(many)], 'relaxed', (rows) => ({
      writes: [{ key: row(0), value: value(0, 2) }],
      result: rows,
    }))
    expect(seen).toEqual([value(0, 1), undefined])
    await settle(name, clock)
    expect(await other.read([row(0), row(1)])).toEqual([value(0, 2), value(1, 1)])
    const third = await open(name, new HandClock())
    expect(await third.read([row(0), row(1)])).toEqual([value(0, 2), value(1, 1)])
    for (const store of [one, other, third]) await store.close()
  })

  test('rows that are written again and again do not make the log grow without end', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    await write(store, rowsFrom(0, many, 0))
    const last = bounds.logEntriesMax + 50
    for (let by = 1; by <= last; by += 1) await write(store, [{ key: row(0), value: value(0, by) }])
    expect((await placesIn(name)).logged).toBeLessThanOrEqual(bounds.logEntriesMax + 1)
    await store.close()
    const again = await open(name, new HandClock())
    expect(await again.read([row(0), row(1)])).toEqual([value(0, last), value(1, 0)])
    await again.close()
  })

  test('a log that is too long gets shorter as fast as it grows, however many rows stand before those that are written again', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    const rowsBefore = 1_000
    await write(store, rowsFrom(0, rowsBefore, 0))
    for (let by = 1; by <= bounds.logEntriesMax; by += 1) await write(store, [{ key: row(0), value: value(0, by) }])
    for (let by = 1; by <= rowsBefore / bounds.commitRows + 3; by += 1)
      await write(store, [{ key: row(0), value: value(0, by) }])
    expect(await placesIn(name)).toMatchObject({ placed: rowsBefore })
    await store.close()
  })

  test('an entry is small where names are long', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    const writes = Array.from({ length: 400 }, (_, index): Write => {
      return { key: ['owed', 'a', `${index} ${'é'.repeat(100)}`], value: value(index, 0) }
    })
    await write(store, writes)
    const database = await openDB(name)
    const entries = (await database.getAll('log')) as Uint8Array[]
    database.close()
    expect(entries.length).toBeGreaterThan(1)
    for (const entry of entries) expect(entry.length).toBeLessThanOrEqual(bounds.logEntryBytes)
    await store.close()
  })

  test('what is read or scanned beside a commit is all of it or nothing, wherever its rows are', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const store = await open(name, clock)
    const [logged, placed] = [row(0), row(3 * many)]
    const both = (by: number) => [logged, placed].map((key) => ({ key, value: value(0, by) }))
    await write(store, rowsFrom(0, many, 0))
    await write(store, both(0))
    for (let by = 1; by <= 40; by += 1) {
      const writing = write(store, both(by))
      // A little later each time: before its transaction begins, and behind it.
      for (let ticks = 0; ticks < by; ticks += 1) await null
      const reading = store.read([logged, placed])
      const scanning = store.scan({ table: 'record', group: '0', limit: 100 })
      if (by % 10 === 0) clock.go(bounds.logSettleMs)
      const scanned = new Map((await scanning).map(({ key, value: found }) => [String(key), found]))
      for (const [one, other] of [await reading, [logged, placed].map((key) => scanned.get(String(key)))])
        expect(one).toEqual(other)
      await writing
    }
    await store.close()
  })

  test('rows that cannot be put in their places stay in the log, and are there later', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const store = await open(name, clock)
    await write(store, rowsFrom(0, many, 1))
    const { put } = IDBObjectStore.prototype
    let attempts = 0
    IDBObjectStore.prototype.put = () => {
      attempts += 1
      throw new DOMException('there is no room', 'QuotaExceededError')
    }
    try {
      const tried = () => {
        clock.go(bounds.logSettleMs)
        return attempts
      }
      await expect.poll(tried, { interval: 5 }).toBeGreaterThan(0)
      expect(await store.read([row(0), row(many - 1)])).toEqual([value(0, 1), value(many - 1, 1)])
      expect(await placesIn(name)).toEqual({ logged: 1, placed: 0 })
    } finally {
      IDBObjectStore.prototype.put = put
    }
    clock.go(bounds.storageTimeoutMs)
    await settle(name, clock)
    expect(await placesIn(name)).toEqual({ logged: 0, placed: many })
    await store.close()
  })

  test('while many rows are read, none is put in its place', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const store = await open(name, clock)
    const writes = rowsFrom(0, many, 1)
    await write(store, writes)
    clock.go(bounds.logSettleMs - 1)
    await store.read(writes.map(({ key }) => key))
    clock.go(1)
    await store.read([row(0)])
    expect(await placesIn(name)).toEqual({ logged: 1, placed: 0 })
    await settle(name, clock)
    await store.close()
  })

  test('a row that is put in its place while it is read beside another one is found', async () => {
    const [name, clock] = [fresh(), new HandClock()]
    const store = await open(name, clock)
    const placed = row(3 * many)
    await write(store, [{ key: placed, value: value(0, 0) }])
    for (let by = 1; by <= 40; by += 1) {
      await write(store, rowsFrom(0, many, by))
      clock.go(bounds.logSettleMs)
      // A little later each time: before the transaction that moves it begins, and behind it.
      for (let ticks = 0; ticks < by; ticks += 1) await null
      expect(await store.read([row(0), placed])).toEqual([value(0, by), value(0, 0)])
      await settle(name, clock)
    }
    await store.close()
  })

  test('an entry that was not written by us is as good as none', async () => {
    const name = fresh()
    const store = await open(name, new HandClock())
    await store.close()
    const database = await openDB(name)
    const entry = packed([{ key: row(0), value: value(0, 1) }])
    for (const found of ['nonsense', [{ key: row(1), value: value(1, 1) }], entry.subarray(1), entry])
      await database.add('log', found)
    database.close()
    const again = await open(name, new HandClock())
    expect(await again.read([row(0), row(1)])).toEqual([value(0, 1), undefined])
    await again.close()
  })

  test('whatever is written, settled and opened again, a log shows in no read and no scan', async () => {
    const play = async (steps: readonly Step[]) => {
      const [name, clock, model] = [fresh(), new HandClock(), memoryStore()]
      let store = await open(name, clock)
      for (const [by, each] of steps.entries()) {
        if (each.kind === 'write') {
          // Each fourth or so is deleted.
          const isDeleted = (index: number) => each.deletes > 0 && index % (each.deletes + 3) === 0
          const writes = rowsFrom(each.from, each.count, by).map((one, index) =>
            isDeleted(index) ? { ...one, value: null } : one,
          )
          await Promise.all([write(store, writes), write(model, writes)])
        } else if (each.kind === 'settle') await settle(name, clock)
        else if (each.kind === 'settle some') clock.go(bounds.logSettleMs)
        else {
          await store.close()
          store = await open(name, clock)
        }
        const keys = Array.from({ length: 120 }, (_, index) => row(index))
        expect(await store.read(keys)).toEqual(await model.read(keys))
        const range = { table: 'record', limit: 7 } as const
        for (const group of [undefined, '1']) {
          for (let after: RowKey | undefined; ; ) {
            const page = { ...range, ...(group && { group }), ...(after && { after }) }
            const found = await store.scan(page)
            expect(found).toEqual(await model.scan(page))
            after = found.at(-1)?.key
            if (found.length < range.limit) break
          }
        }
      }
      await store.destroy()
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), play), { numRuns: 40 })
  })
}
