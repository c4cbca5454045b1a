/**
 * Writes that come too late: hints that were kept for longer than the retention. Whether their owners knew them once and forgot them
 * nobody can tell any more, so they are refused there, and written anew by whoever kept them: nothing is lost, and what had been
 * overwritten meanwhile may come back. The application hears of each.
 */
import { bounds } from '../core/bounds.ts'
import type { HybridTime, StoredKey } from '../core/ids.ts'
import { dotName } from '../core/versioning/causal-history.ts'
import { contextOf, type SeenContext } from '../core/versioning/context.ts'
import { holdsDot, isLive, liveValues, type Record, type Sibling, type Unwritten } from '../core/versioning/record.ts'
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
  readonly #underWay = new Set<StoredKey>()
  /** What this boot has written anew. */
  readonly #written = new Set<string>()

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
      const current = await this.#current(key)
      const left = record.siblings.filter(({ dot }) => holdsDot(current, dot))
      if (left.length > 0) await this.writeAnew({ key, record: { ...record, siblings: left } }, until)
    }
  }

  /** Writes a hint anew, later than `until`; resolves to whether all of it is stored, and the hint may go. */
  async writeAnew({ key, record }: KeyedRecord, until: HybridTime): Promise<boolean> {
    // Several exchanges may find the same, and the hint of it be refused besides: once is enough.
    if (this.#underWay.has(key)) return false
    const siblings = record.siblings.filter((sibling) => !this.#written.has(nameOf(key, sibling)))
    if (siblings.length === 0) return true
    this.#underWay.add(key)
    try {
      const isStored = await this.#writeAll(key, { ...record, siblings }, until)
      if (isStored) this.#remember(key, siblings)
      return isStored
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** The write may be stored by others before it is here: who asks what is here would find the old one. */
  #remember(key: StoredKey, siblings: readonly Sibling[]): void {
    if (this.#written.size > bounds.writtenAnewMax) this.#written.clear()
    for (const sibling of siblings) this.#written.add(nameOf(key, sibling))
  }

  async #writeAll(key: StoredKey, record: Record, until: HybridTime): Promise<boolean> {
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

/** Boots count the writes of each key from one. */
const nameOf = (key: StoredKey, { dot }: Sibling) => `${dotName(dot)} ${key}`

function unwritten(sibling: Unwritten): Unwritten {
  if (sibling.kind === 'tombstone') return { kind: 'tombstone' }
  return { kind: 'value', value: sibling.value, expiresAt: sibling.expiresAt }
}
