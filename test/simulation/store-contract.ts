/**
 * What a store tells is held against what is on its disk, at the moment it tells it: what is acknowledged is there, what is flushed would
 * survive a power cut, and what is read is what was there. A ring of replicas would hide a store that forgets now and then.
 */
import {
  type Decide,
  type Durability,
  type Row,
  type RowKey,
  rowName,
  type Store,
  type Write,
} from '../../src/ports.ts'
import type { Violation } from './checker.ts'

/** What is on a disk. */
interface Truth {
  readonly rows: ReadonlyMap<string, Row>
  /** How often each row has changed. */
  readonly changes: ReadonlyMap<string, number>
  durable(name: string): Row | undefined
}

const textOf = (value: Uint8Array | null | undefined): string =>
  value === undefined || value === null
    ? 'nothing'
    : `${value.length} bytes ${value.reduce((sum, byte) => (sum * 31 + byte) | 0, 7)}`

const printed = (name: string): string => name.replaceAll('\u0000', ' ')

/** The same store, whose words are checked. */
export function checkedStore(store: Store, truth: Truth, tell: (violation: Violation) => void): Store {
  /** The last decision about each row. */
  const decided = new Map<string, number>()
  let decisions = 0
  /** Rows of which nobody knows yet what became of a decision about them: that one, or the one before, may be read. */
  const unsure = new Map<string, number>()
  const wrong = (subject: string, name: string, witness: string) =>
    tell({ class: 'STORE_UNTRUE', key: '', subject: `${subject} ${printed(name)}`, witness })

  /** What is acknowledged and not flushed: a strict commit takes it along. */
  const unflushed = new Map<string, { readonly decision: number; readonly due: string }>()

  const checkFlushed = (decision: number) => {
    for (const [name, before] of [...unflushed].filter((each) => each[1].decision <= decision)) {
      unflushed.delete(name)
      if (decided.get(name) !== before.decision) continue
      const kept = textOf(truth.durable(name)?.value)
      if (kept !== before.due) wrong('flushed', name, `${before.due} was flushed, a power cut would leave ${kept}`)
    }
  }

  const checkWritten = (writes: readonly Write[], decision: number, durability: Durability) => {
    for (const [name, value] of new Map(writes.map(({ key, value }) => [rowName(key), value]))) {
      if (decided.get(name) !== decision) continue
      const [there, due] = [textOf(truth.rows.get(name)?.value), textOf(value)]
      if (there !== due) wrong('acknowledged', name, `${due} was acknowledged, ${there} is on the disk`)
      unflushed.set(name, { decision, due })
    }
    if (durability === 'strict' && writes.length > 0) checkFlushed(decision)
  }

  /** A number that stays as long as a row does, and is another one each time where nobody can say. */
  const changesOf = (name: string): number => (unsure.has(name) ? Number.NaN : (truth.changes.get(name) ?? 0))

  /** A transaction has ended well: what became of those before it is known to its store. */
  const settled = (decision: number) => {
    for (const [name, before] of unsure) if (before <= decision) unsure.delete(name)
  }

  const checkRead = (name: string, changesBefore: number, value: Uint8Array | undefined) => {
    if (changesOf(name) !== changesBefore) return
    const [there, read] = [textOf(truth.rows.get(name)?.value), textOf(value)]
    if (there !== read) wrong('read', name, `${read} was read, ${there} is on the disk`)
  }

  return {
    async transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T> {
      let last: { readonly writes: readonly Write[]; readonly decision: number } | undefined
      const work = store.transact(keys, durability, (rows) => {
        const { writes, result: outcome } = decide(rows)
        decisions += 1
        last = { writes, decision: decisions }
        for (const { key } of writes) {
          decided.set(rowName(key), decisions)
          unsure.set(rowName(key), decisions)
        }
        return { writes, result: outcome }
      })
      const result = await work.catch((error: unknown) => {
        // Whoever reads it now finds out.
        for (const [name, decision] of unsure) if (decision === last?.decision) unsure.delete(name)
        throw error
      })
      if (last !== undefined) settled(last.decision)
      if (last !== undefined) checkWritten(last.writes, last.decision, durability)
      return result
    },
    async read(keys) {
      const before = keys.map((key) => changesOf(rowName(key)))
      const values = await store.read(keys)
      for (const [index, key] of keys.entries()) checkRead(rowName(key), before[index] ?? 0, values[index])
      return values
    },
    async scan(range) {
      const before = new Map([...truth.rows.keys()].map((name) => [name, changesOf(name)]))
      const rows = await store.scan(range)
      for (const { key, value } of rows) checkRead(rowName(key), before.get(rowName(key)) ?? 0, value)
      // Of a whole page nothing may be missing that was there all the time.
      const first = [range.table, ...(range.group === undefined ? [] : [range.group]), ''].join('\u0000')
      const from = range.after === undefined ? '' : rowName(range.after)
      const last = rows.length < range.limit ? null : rows.at(-1)
      const found = new Set(rows.map(({ key }) => rowName(key)))
      for (const name of truth.rows.keys()) {
        const isWithin =
          name.startsWith(first) && name > from && (last === null || last === undefined || name < rowName(last.key))
        if (isWithin && !found.has(name)) checkRead(name, before.get(name) ?? 0, undefined)
      }
      return rows
    },
    room: () => store.room(),
    close: () => store.close(),
    destroy: () => store.destroy(),
  }
}
