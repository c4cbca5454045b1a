/**
 * How much is moved at once: much while nobody waits, little while there are gets and puts, which would wait behind it.
 */
import { bounds } from '../core/bounds.ts'
import type { Clock } from '../ports.ts'

export class Pace {
  readonly #clock: Clock
  #requestAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A get or put has come to this node. */
  request(): void {
    this.#requestAt = this.#clock.now()
  }

  get #isBusy(): boolean {
    return this.#clock.now() - this.#requestAt < bounds.busyForMs
  }

  /** Records that are read, sent or stored together. */
  get records(): number {
    return this.#isBusy ? bounds.busyBatchRecords : bounds.batchRecordsMax
  }

  /** Such batches under way at once. */
  get batches(): number {
    return this.#isBusy ? 1 : bounds.batchesAtOnce
  }
}
