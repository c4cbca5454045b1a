/**
 * How records are moved: many at once while nobody waits, and few, between the gets and puts, while there are any;
 * and never many that are large.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import { deferred, within } from '../scheduling/timers.ts'

/** So many at a time; those who have to wait go on in the order in which they came. */
class Turns {
  readonly #most: () => number
  readonly #waiting: (() => void)[] = []
  #underWay = 0

  constructor(most: () => number) {
    this.#most = most
  }

  /** Resolves when it is the caller's turn; the returned function ends it. */
  async take(): Promise<() => void> {
    if (this.#underWay >= this.#most()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#underWay += 1
    return () => this.#next()
  }

  /** The next one takes over the turn that ends, and others besides where more may go by now. */
  #next(): void {
    this.#underWay -= 1
    while (this.#underWay < this.#most() && this.#waiting.length > 0) {
      this.#underWay += 1
      this.#waiting.shift()?.()
    }
  }
}

export class Throttle {
  readonly #clock: Clock
  /** What this node's exchanges move, with however many others it has them. */
  readonly moving: Turns = new Turns(() => this.#batches)
  /** What the store is at work on of what is moved, for this node or for others. */
  readonly #working = new Turns(() => (this.#isBusy ? 1 : Number.POSITIVE_INFINITY))
  #restedAt = Number.NEGATIVE_INFINITY
  #requestAt = Number.NEGATIVE_INFINITY
  /** Requests that this node's store is at work on. */
  #serving = 0
  #quiet = deferred<void>()
  /** How large the records moved of late are; null where there was none. */
  #recordBytes: number | null = null

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
  async #calm(): Promise<void> {
    if (this.#serving > 0) await within(this.#clock, bounds.quietTimeoutMs, this.#quiet.promise)
  }

  /**
   * Reads or stores some of what is moved. While there are gets or puts the store does one such thing at a time, and
   * rests after it in proportion to what it took, which is longer where the machine has much else to do.
   */
  async work<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#working.take()
    // Whoever has asked for it does not wait for ever.
    await within(this.#clock, bounds.restMsMax, turn)
    await this.#calm()
    const startedAt = this.#clock.now()
    try {
      return await task()
    } finally {
      const restMs = this.#restAfter(startedAt)
      void turn.then((end) => (restMs > 0 ? void this.#clock.after(restMs, end) : end()))
    }
  }

  #restAfter(startedAt: number): number {
    if (!this.#isBusy) return 0
    const now = this.#clock.now()
    const tookMs = now - startedAt
    const dueMs = Math.min(tookMs / bounds.busyShare, tookMs + bounds.restMsMax)
    this.#restedAt = Math.max(this.#restedAt, startedAt - bounds.restAheadMs) + dueMs
    return this.#restedAt - now
  }

  get #isBusy(): boolean {
    return this.#clock.now() - this.#requestAt < bounds.busyForMs
  }

  /** Records that are handled together at most, however small they are. */
  get recordsMax(): number {
    return this.#isBusy ? bounds.busyBatchRecords : bounds.batchRecordsMax
  }

  /**
   * Records that are read together: as many as make a batch, if they are like those before; where there was none,
   * they may be large.
   */
  get records(): number {
    const likely = this.#recordBytes ?? bounds.batchBytesMax / bounds.unseenBatchRecords
    return Math.max(1, Math.min(this.recordsMax, Math.floor(bounds.batchBytesMax / likely)))
  }

  /**
   * Records that are asked for together: who has them knows better how large they are than a node that has seen none.
   */
  get recordsAsked(): number {
    return this.#recordBytes === null ? this.recordsMax : this.records
  }

  /** So many records were read or taken in together, of so many bytes. */
  saw(records: number, bytes: number): void {
    if (records === 0) return
    const weight = this.#recordBytes === null ? 1 : records / (records + bounds.sizesRemembered)
    this.#recordBytes = (this.#recordBytes ?? 0) * (1 - weight) + (bytes / records) * weight
  }

  get #batches(): number {
    return this.#isBusy ? 1 : bounds.batchesAtOnce
  }
}
