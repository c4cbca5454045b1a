/**
 * Writes that come too late: hints that were kept for longer than the retention. Whether their owners knew them once and forgot them
 * nobody can tell any more, so they are refused there, and written anew by whoever kept them: nothing is lost, and what had been
 * overwritten meanwhile may come back. The application hears of each.
 */
import type { HybridTime, StoredKey } from '../core/ids.ts'
import { contextOf, type SeenContext } from '../core/versioning/context.ts'
import { holdsDot, isLive, liveValues, type Record, type Unwritten } from '../core/versioning/record.ts'
import { parseStoredKey } from '../core/versioning/stored-key.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import type { Clock } from '../ports.ts'
import type { Events } from './events.ts'
import type { Taken } from './replica-port.ts'
import type { WriteOutcome } from './write.ts'

export class Latecomers {
  readonly #clock: Clock
  readonly #events: Events
  readonly #write: (key: StoredKey, seen: SeenContext, unwritten: Unwritten) => Promise<WriteOutcome>
  readonly #decode: (value: Uint8Array) => unknown
  readonly #current: (key: StoredKey) => Promise<Record>
  readonly #rescuing = new Set<StoredKey>()

  /** `write` is an ordinary put; `current` what is here of a key. */
  constructor(
    clock: Clock,
    events: Events,
    write: (key: StoredKey, seen: SeenContext, unwritten: Unwritten) => Promise<WriteOutcome>,
    decode: (value: Uint8Array) => unknown,
    current: (key: StoredKey) => Promise<Record>,
  ) {
    this.#clock = clock
    this.#events = events
    this.#write = write
    this.#decode = decode
    this.#current = current
  }

  /** Writes anew what was put here while this node was cut off for longer than the retention, and was given to nobody. */
  async rescue({ orphaned, until }: Taken): Promise<void> {
    for (const { key, record } of orphaned) {
      if (this.#rescuing.has(key)) continue
      this.#rescuing.add(key)
      try {
        const current = await this.#current(key)
        // Of two exchanges that find it one is enough.
        const left = record.siblings.filter(({ dot }) => holdsDot(current, dot))
        if (left.length > 0) await this.writeAnew({ key, record: { ...record, siblings: left } }, until)
      } finally {
        this.#rescuing.delete(key)
      }
    }
  }

  /** Writes a hint anew, later than `until`; resolves to whether all of it is stored, and the hint may go. */
  async writeAnew({ key, record }: KeyedRecord, until: HybridTime): Promise<boolean> {
    const wallMs = this.#clock.wall()
    const seen = contextOf(record)
    const context = { ...seen, time: Math.max(seen.time, until) as HybridTime }
    // A value that has expired meanwhile is a delete of what it had overwritten; any other write anew says as much.
    const lasting = record.siblings.filter((sibling) => sibling.kind === 'tombstone' || isLive(sibling, wallMs))
    const writes: readonly Unwritten[] = lasting.length > 0 ? lasting.map(unwritten) : [{ kind: 'tombstone' }]
    const values = liveValues(record, wallMs).map((value) => this.#decode(value))
    this.#events.emit('late', { key: parseStoredKey(key)?.key ?? key, values })
    for (const each of writes) {
      const outcome = await this.#write(key, context, each)
      if (!outcome.isStored) return false
    }
    return true
  }
}

function unwritten(sibling: Unwritten): Unwritten {
  if (sibling.kind === 'tombstone') return { kind: 'tombstone' }
  return { kind: 'value', value: sibling.value, expiresAt: sibling.expiresAt }
}
