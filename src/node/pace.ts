/**
 * How records are moved: many at once while nobody waits, and few, between the gets and puts, while there are any.
 */
import { bounds } from '../core/bounds.ts'
import type { Clock } from '../ports.ts'
import { deferred, within } from './deadline.ts'

export class Pace {
  readonly #clock: Clock
  #requestAt = Number.NEGATIVE_INFINITY
  /** Requests that this node's store is at work on. */
  #serving = 0
  #quiet = deferred<void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A get or put has come to this node, from its own tab or another. */
  request(): void {
    this.#requestAt = this.#clock.now()
  }

  /** Serves a get or put. */
  async serve<T>(work: () => Promise<T>): Promise<T> {
    this.request()
    this.#serving += 1
    try {
      return await work()
    } finally {
      this.#serving -= 1
      if (this.#serving === 0) {
        this.#quiet.resolve()
        this.#quiet = deferred<void>()
      }
    }
  }

  /** Resolves when the store is at work on no get or put, or after a moment: what is moved has to go on, too. */
  async quiet(): Promise<void> {
    if (this.#serving > 0) await within(this.#clock, bounds.quietTimeoutMs, this.#quiet.promise)
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
