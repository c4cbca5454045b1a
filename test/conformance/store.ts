/**
 * What every store must do, whatever it is made of.
 */
import { expect, test } from 'vitest'
import type { RowKey, Store } from '../../src/ports.ts'

const bytes = (...values: number[]) => new Uint8Array(values)
const row = (name: string, group = 'g'): RowKey => ['record', group, name]

function put(store: Store, ...entries: readonly (readonly [RowKey, Uint8Array | null])[]): Promise<void> {
  return store.transact([], 'relaxed', () => ({
    writes: entries.map(([key, value]) => ({ key, value })),
    result: undefined,
  }))
}

/** `open` opens a fresh store; `reopen` opens the one of that name again, with what it held. */
export function describeStore(open: (name: string) => Promise<Store>): void {
  let count = 0
  const fresh = () => {
    count += 1
    return open(`store test ${count} ${Math.random()}`)
  }

  test('what a transaction has written is read back, byte for byte', async () => {
    const store = await fresh()
    await put(store, [row('a'), bytes(1, 2, 3)], [row('b'), bytes()])
    expect(await store.read([row('b'), row('a'), row('c')])).toEqual([bytes(), bytes(1, 2, 3), undefined])
    await store.close()
  })

  test('a transaction sees the rows it names, and a null deletes', async () => {
    const store = await fresh()
    await put(store, [row('a'), bytes(1)])
    const seen = await store.transact([row('a'), row('b')], 'strict', (rows) => ({
      writes: [{ key: row('a'), value: null }],
      result: rows,
    }))
    expect(seen).toEqual([bytes(1), undefined])
    expect(await store.read([row('a')])).toEqual([undefined])
    await store.close()
  })

  test('concurrent transactions on one row lose no update', async () => {
    const store = await fresh()
    const increment = () =>
      store.transact([row('counter')], 'relaxed', ([value]) => ({
        writes: [{ key: row('counter'), value: bytes((value?.[0] ?? 0) + 1) }],
        result: undefined,
      }))
    await Promise.all(Array.from({ length: 100 }, increment))
    expect(await store.read([row('counter')])).toEqual([bytes(100)])
    await store.close()
  })

  test('a decision that throws rejects its own transaction, writes nothing, and spares the others', async () => {
    const store = await fresh()
    const broken = store.transact([], 'relaxed', () => {
      throw new Error('undecided')
    })
    const sound = put(store, [row('b'), bytes(2)])
    await expect(broken).rejects.toThrow()
    await sound
    expect(await store.read([row('b')])).toEqual([bytes(2)])
    await store.close()
  })

  test('a scan goes through a table or a group in code unit order, page by page', async () => {
    const store = await fresh()
    const names = ['a', 'B', 'ä', '\u{1f600}', '\uffff', 'a\u0000b', 'aa', '\u0001']
    await put(
      store,
      ...names.map((name) => [row(name), bytes(1)] as const),
      [row('x', 'f'), bytes(2)],
      [row('y', 'gg'), bytes(3)],
    )
    const sorted = names.toSorted((a, b) => (a < b ? -1 : 1))
    const group = await store.scan({ table: 'record', group: 'g', limit: 100 })
    expect(group.map(({ key }) => key[2])).toEqual(sorted)
    const table = await store.scan({ table: 'record', limit: 100 })
    expect(table.map(({ key }) => key[2])).toEqual(['x', ...sorted, 'y'])
    const first = await store.scan({ table: 'record', group: 'g', limit: 3 })
    const after = first.at(-1)?.key
    const rest = await store.scan({
      table: 'record',
      group: 'g',
      limit: 100,
      ...(after === undefined ? {} : { after }),
    })
    expect([...first, ...rest].map(({ key }) => key[2])).toEqual(sorted)
    expect(await store.scan({ table: 'hint', limit: 10 })).toEqual([])
    await store.close()
  })

  test('many rows asked for together are what each is alone: close together or far apart, there or not', async () => {
    const store = await fresh()
    const named = (index: number) =>
      row(index.toString(16).padStart(4, '0'), (index >> 6).toString(16).padStart(4, '0'))
    const written = Array.from({ length: 300 }, (_, index) => index).filter((index) => index % 3 > 0)
    await put(store, ...written.map((index) => [named(index), bytes(index & 0xff, index >> 8)] as const), [
      ['hint', '', 'a'],
      bytes(7),
    ])
    const expected = (index: number) => (index < 300 && index % 3 > 0 ? bytes(index & 0xff, index >> 8) : undefined)
    const picks = {
      all: Array.from({ length: 300 }, (_, index) => index),
      'a stretch': Array.from({ length: 40 }, (_, index) => 100 + index),
      'every tenth': Array.from({ length: 30 }, (_, index) => 10 * index),
      'none that is there': Array.from({ length: 20 }, (_, index) => 3 * index),
      'past the end': Array.from({ length: 20 }, (_, index) => 290 + index),
      'backwards, and some twice': [...Array.from({ length: 20 }, (_, index) => 60 - index), 50, 50],
    }
    for (const [what, indexes] of Object.entries(picks)) {
      const keys: RowKey[] = [['hint', '', 'a'], ...indexes.map(named), ['owed', 'g', 'b']]
      const rows = [bytes(7), ...indexes.map(expected), undefined]
      expect(await store.read(keys), what).toEqual(rows)
      const seen = await store.transact(keys, 'relaxed', (found) => ({ writes: [], result: found }))
      expect(seen, what).toEqual(rows)
    }
    await store.close()
  })

  test('how much room there is is told in bytes, or not at all', async () => {
    const store = await fresh()
    await put(store, [row('a'), bytes(1, 2, 3)])
    const room = await store.room()
    if (room !== null) {
      expect(room.usedBytes).toBeGreaterThan(0)
      expect(room.quotaBytes).toBeGreaterThan(room.usedBytes)
    }
    await store.close()
  })

  test('what was written is there after closing and opening again', async () => {
    const name = `store test reopened ${Math.random()}`
    const store = await open(name)
    await put(store, [row('kept'), bytes(7)])
    await store.close()
    const again = await open(name)
    expect(await again.read([row('kept')])).toEqual([bytes(7)])
    await again.destroy()
    const empty = await open(name)
    expect(await empty.read([row('kept')])).toEqual([undefined])
    await empty.close()
  })

  test('a closed store rejects with a failure that says so', async () => {
    const store = await fresh()
    await store.close()
    await expect(store.read([row('a')])).rejects.toMatchObject({ name: 'StoreFailure', reason: 'closed' })
    await expect(put(store, [row('a'), bytes(1)])).rejects.toMatchObject({ name: 'StoreFailure', reason: 'closed' })
  })
}
