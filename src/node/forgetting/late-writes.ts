/**
 * Late writes: values taken in by a replica that may have forgotten that they were overwritten (not in the paper).
 *
 * The replica stores them as they were written. Each node that took one in tells its application, once per boot. The
 * application may delete a value that came back.
 */
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { nameIn } from '../../core/stored-key.ts'
import { dotName } from '../../core/versioning/causal-history.ts'
import { isLive, type Sibling, type ValueSibling } from '../../core/versioning/record.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { ValueCodec } from '../api/value-codec.ts'

export class LateWrites {
  readonly #clock: Clock
  readonly #events: Events
  readonly #values: ValueCodec
  /**
   * Names of writes that this boot has reported. They are forgotten beyond `bounds.lateToldMax`, so a write may be
   * reported again.
   */
  readonly #told = new Set<string>()

  constructor(clock: Clock, events: Events, values: ValueCodec) {
    this.#clock = clock
    this.#events = events
    this.#values = values
  }

  /** Reports writes of a key, except those reported before and those that have expired. */
  tell(key: StoredKey, siblings: readonly Sibling[]): void {
    const wallMs = this.#clock.wall()
    // Boots count the writes of each key from one. So a dot names a write only together with its key.
    const nameOf = ({ dot }: Sibling) => `${dotName(dot)} ${key}`
    if (this.#told.size > bounds.lateToldMax) this.#told.clear()
    const fresh = siblings.filter((each): each is ValueSibling => {
      if (!isLive(each, wallMs) || this.#told.has(nameOf(each))) return false
      this.#told.add(nameOf(each))
      return true
    })
    if (fresh.length === 0) return
    const values = fresh.map(({ value }) => this.#values.decode(value)).filter((value) => value !== undefined)
    this.#events.emit('late', { ...nameIn(key), values })
  }
}
