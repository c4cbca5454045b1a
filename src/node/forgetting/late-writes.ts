/**
 * Late writes: values that a replica takes in although it may have forgotten that they were overwritten. They are
 * there, as they were written; the application hears of each once, from each node that took it in, and may delete
 * what came back.
 */
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { dotName } from '../../core/versioning/causal-history.ts'
import { isLive, type Sibling, type ValueSibling } from '../../core/versioning/record.ts'
import { parseStoredKey } from '../../core/versioning/stored-key.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { ValueCodec } from '../api/value-codec.ts'

export class LateWrites {
  readonly #clock: Clock
  readonly #events: Events
  readonly #values: ValueCodec
  /** Names of writes that this boot has told of. */
  readonly #told = new Set<string>()

  constructor(clock: Clock, events: Events, values: ValueCodec) {
    this.#clock = clock
    this.#events = events
    this.#values = values
  }

  /** Tells of writes of a key, those that were told before and those that have expired aside. */
  tell(key: StoredKey, siblings: readonly Sibling[]): void {
    const wallMs = this.#clock.wall()
    // Boots count the writes of each key from one: a dot names a write only together with its key.
    const nameOf = ({ dot }: Sibling) => `${dotName(dot)} ${key}`
    const fresh = siblings.filter((each): each is ValueSibling => isLive(each, wallMs) && !this.#told.has(nameOf(each)))
    if (fresh.length === 0) return
    if (this.#told.size > bounds.lateToldMax) this.#told.clear()
    for (const sibling of fresh) this.#told.add(nameOf(sibling))
    const values = fresh.map(({ value }) => this.#values.decode(value)).filter((value) => value !== undefined)
    this.#events.emit('late', { key: parseStoredKey(key)?.key ?? key, values })
  }
}
