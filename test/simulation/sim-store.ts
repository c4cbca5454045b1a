/**
 * A disk that takes time, aborts, and forgets: a power cut takes the last relaxed commits, a wipe everything.
 */
import { type MemoryDisk, memoryStore } from '../../src/memory/memory-store.ts'
import { type Row, type Store, StoreFailure } from '../../src/ports.ts'
import type { Chance } from './chance.ts'
import type { Counters } from './counters.ts'
import type { Options } from './options.ts'
import type { Gate, VirtualClock } from './virtual-clock.ts'

/** What a relaxed commit has changed, so that a power cut can take it back. */
interface Undo {
  readonly before: ReadonlyMap<string, Row | undefined>
}

/** A disk that remembers its last relaxed commits. */
export class SimDisk {
  readonly rows: MemoryDisk = new Map()
  #undo: Undo[] = []

  /** Notes what a commit changed; a strict one makes everything before it safe. */
  committed(undo: Undo, durability: 'relaxed' | 'strict'): void {
    if (durability === 'strict') this.#undo = []
    else this.#undo.push(undo)
    // Operating systems flush by themselves after a while.
    if (this.#undo.length > 20) this.#undo.shift()
  }

  /** A power cut: the last `count` relaxed commits never happened. */
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
    this.rows.clear()
    this.#undo = []
  }
}

/** The store of one boot. When the boot is over its promises stay unsettled, as those of a dead tab do. */
export function simStore(
  disk: SimDisk,
  clock: VirtualClock,
  chance: Chance,
  options: Options,
  counters: Counters,
  gate: Gate,
  calm: () => boolean,
): Store {
  const inner = memoryStore(disk.rows)
  const delay = () => chance.exponential(options.commitMs)
  const later = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = () =>
        work().then(
          // The commit has happened; word of it takes a moment, in which the tab may die.
          (value) => clock.after(delay() / 2, () => gate(() => resolve(value))),
          (error) => gate(() => reject(error)),
        )
      clock.after(delay(), () => gate(() => void settle()))
    })
  return {
    transact: (keys, durability, decide) =>
      later(async () => {
        if (!calm() && chance.happens(options.abort)) {
          counters.count('fault: transaction aborted')
          throw new StoreFailure('failed', 'the simulation aborted this transaction')
        }
        const before = new Map<string, Row | undefined>()
        const result = await inner.transact(keys, durability, (rows) => {
          const decision = decide(rows)
          for (const { key } of decision.writes) {
            const place = key.join('\u0000')
            before.set(place, disk.rows.get(place))
          }
          return decision
        })
        disk.committed({ before }, durability)
        return result
      }),
    read: (keys) => later(() => inner.read(keys)),
    scan: (range) => later(() => inner.scan(range)),
    close: () => inner.close(),
    destroy: async () => {
      disk.wipe()
      await inner.close()
    },
  }
}
