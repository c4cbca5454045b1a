/**
 * A disk that takes time, aborts, and forgets: a power cut takes the last relaxed commits, a wipe everything.
 */
import { MemoryDisk, memoryStore } from '../../src/memory/memory-store.ts'
import { probeRow } from '../../src/node/storage/rows.ts'
import {
  type Decide,
  type Durability,
  type Row,
  type RowKey,
  rowName,
  type Store,
  StoreFailure,
  type Write,
} from '../../src/ports.ts'
import type { Chance } from './chance.ts'
import type { Counters } from './counters.ts'
import type { Options } from './options.ts'
import type { Gate, VirtualClock } from './virtual-clock.ts'

/** What a relaxed commit has changed, so that a power cut can take it back. */
interface Undo {
  readonly before: ReadonlyMap<string, Row | undefined>
}

/** What a disk is to the world that it is in. */
export interface Disk {
  /** What is committed on it, by `rowName`. */
  readonly rows: MemoryDisk
  /** Every transaction that writes fails, now and later. */
  isBroken: boolean
  /** A power cut: the last `count` relaxed commits never happened. Returns how many there were. */
  loseSuffix(count: number): number
  wipe(): void
  snapshot(): ReadonlyMap<string, Row>
  /** The disk as it was at a snapshot. */
  restore(rows: ReadonlyMap<string, Row>): void
  /** Another row is there, and nobody wrote it. */
  replace(name: string, row: Row): void
  /** What a row would hold after a power cut. */
  durable(name: string): Row | undefined
}

export interface Surroundings {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly options: Options
  readonly counters: Counters
  /** How many times as long as usual the disk takes now. */
  readonly slowness: () => number
  /** Nothing fails any more. */
  readonly calm: () => boolean
}

/** Whether a row holds what users wrote: a record or a hint. */
export const isData = ([table]: RowKey): boolean => table === 'record' || table === 'hint'

/** Whether a row takes room: what users wrote, and what a node writes to see whether there is any. */
export const takesRoom = (key: RowKey): boolean => isData(key) || rowName(key) === rowName(probeRow)

/** A disk that remembers its last relaxed commits. */
export class SimDisk implements Disk {
  readonly rows = new MemoryDisk()
  isBroken = false
  #undo: Undo[] = []

  /** Rows on it that take room. */
  get size(): number {
    return this.sizeWith([])
  }

  /** How many there would be after these writes. */
  sizeWith(writes: readonly Write[]): number {
    const held = new Set([...this.rows].flatMap(([name, { key }]) => (takesRoom(key) ? [name] : [])))
    for (const { key, value } of writes.filter(({ key: row }) => takesRoom(row))) {
      if (value === null) held.delete(rowName(key))
      else held.add(rowName(key))
    }
    return held.size
  }

  /** Notes what a commit changed; a strict one makes everything before it safe. */
  committed(undo: Undo, durability: 'relaxed' | 'strict'): void {
    if (durability === 'strict') this.#undo = []
    else this.#undo.push(undo)
    // Operating systems flush by themselves after a while.
    if (this.#undo.length > 20) this.#undo.shift()
  }

  loseSuffix(count: number): number {
    const lost = this.#undo.splice(Math.max(0, this.#undo.length - count)).reverse()
    for (const { before } of lost) {
      for (const [place, row] of before) {
        if (row === undefined) this.rows.delete(place)
        else this.rows.set(place, row)
      }
    }
    return lost.length
  }

  wipe(): void {
    this.restore(new Map())
  }

  snapshot(): ReadonlyMap<string, Row> {
    return new Map(this.rows)
  }

  replace(name: string, row: Row): void {
    this.rows.set(name, row)
  }

  restore(rows: ReadonlyMap<string, Row>): void {
    this.rows.clear()
    for (const [place, row] of rows) this.rows.set(place, row)
    this.#undo = []
  }

  durable(place: string): Row | undefined {
    const undo = this.#undo.find(({ before }) => before.has(place))
    return undo === undefined ? this.rows.get(place) : undo.before.get(place)
  }
}

const hangMs = 10_000
/** A slow disk takes no longer: beyond ten seconds a transaction is given up. */
export const slowestMs = 5_000

/** The store of one boot. When the boot is over its promises stay unsettled, as those of a dead tab do. */
export function simStore(
  disk: SimDisk,
  { clock, chance, options, counters, slowness, calm }: Surroundings,
  gate: Gate,
  rowsMax: () => number,
): Store {
  const inner = memoryStore(disk.rows)
  const delay = () => {
    const ms = chance.exponential(options.commitMs)
    return slowness() === 1 ? ms : Math.min(ms * slowness(), slowestMs)
  }
  /**
   * What the outside sees of a transaction: its result a moment later, or after a long silence that nobody knows its
   * end.
   */
  const tell = (resolve: () => void, reject: (error: unknown) => void) => {
    if (calm() || !chance.happens(options.hang)) {
      // The commit has happened; word of it takes a moment, in which the tab may die.
      clock.after(delay() / 2, () => gate(resolve))
      return
    }
    counters.count('fault: transaction hung')
    clock.after(hangMs, () => gate(() => reject(new StoreFailure('failed', 'the simulation let this one hang'))))
  }
  const later = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = () =>
        work().then(
          (value) => tell(() => resolve(value), reject),
          (error) => gate(() => reject(error)),
        )
      clock.after(delay(), () => gate(() => void settle()))
    })
  return {
    transact: <T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>) =>
      later(async () => {
        if (!calm() && chance.happens(options.abort)) {
          counters.count('fault: transaction aborted')
          throw new StoreFailure('failed', 'the simulation aborted this transaction')
        }
        const before = new Map<string, Row | undefined>()
        const decided: Decide<T> = (rows) => {
          const decision = decide(rows)
          if (disk.isBroken && decision.writes.length > 0)
            throw new StoreFailure('failed', 'this disk takes nothing any more')
          for (const { key } of decision.writes)
            if (!before.has(rowName(key))) before.set(rowName(key), disk.rows.get(rowName(key)))
          if (Number.isFinite(rowsMax()) && disk.sizeWith(decision.writes) > Math.max(disk.size, rowsMax())) {
            counters.count('fault: disk full')
            throw new StoreFailure('full', 'no more rows fit on this disk')
          }
          return decision
        }
        if (!calm() && chance.happens(options.again)) {
          counters.count('fault: transaction decided again although it had taken effect')
          await inner.transact(keys, durability, decided)
        }
        const result = await inner.transact(keys, durability, decided)
        disk.committed({ before }, durability)
        return result
      }),
    read: (keys) => later(() => inner.read(keys)),
    scan: (range) => later(() => inner.scan(range)),
    room: () => inner.room(),
    close: () => inner.close(),
    destroy: async () => {
      disk.wipe()
      await inner.close()
    },
  }
}
