/**
 * Expiries of what a view shows: it shows a key anew at the moment at which a value of it ends.
 */
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { isLive, type Record } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'

export class Expiries {
  readonly #clock: Clock
  readonly #ended: (entries: readonly KeyedRecord[]) => void
  /** Records with values that end, each with the first such end, ms since 1970. */
  readonly #ends = new Map<StoredKey, { readonly record: Record; readonly at: number }>()
  #cancel = () => {}

  /** `ended` is called with the records of which a value has ended. */
  constructor(clock: Clock, ended: (entries: readonly KeyedRecord[]) => void) {
    this.#clock = clock
    this.#ended = ended
  }

  /** These records are shown now. */
  shown(entries: readonly KeyedRecord[]): void {
    for (const { key, record } of entries) this.#note(key, record)
    if (this.#ends.size > 0) this.#arm()
  }

  stop(): void {
    this.#cancel()
  }

  #note(key: StoredKey, record: Record): void {
    const wallMs = this.#clock.wall()
    const ends = record.siblings.flatMap((each) =>
      isLive(each, wallMs) && each.expiresAt !== null ? [each.expiresAt] : [],
    )
    if (ends.length === 0) this.#ends.delete(key)
    else this.#ends.set(key, { record, at: Math.min(...ends) })
  }

  #arm(): void {
    this.#cancel()
    const next = Math.min(...[...this.#ends.values()].map(({ at }) => at))
    const waitMs = Math.min(Math.max(0, next - this.#clock.wall()), bounds.timerMsMax)
    this.#cancel = this.#clock.after(waitMs, () => this.#look())
  }

  #look(): void {
    const wallMs = this.#clock.wall()
    const ended = [...this.#ends].filter(([, { at }]) => at <= wallMs).map(([key, { record }]) => ({ key, record }))
    for (const { key, record } of ended) this.#note(key, record)
    if (ended.length > 0) this.#ended(ended)
    if (this.#ends.size > 0) this.#arm()
  }
}
