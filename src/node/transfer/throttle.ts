/**
 * Throttle: background transfer gives way to gets and puts (Dynamo, section 6.5: its admission control).
 *
 * An idle node moves large batches, several at once. During gets and puts it moves small ones, with rests between them.
 * Large records travel in small numbers at any time.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import { deferred, within } from '../scheduling/timers.ts'

/** A limit on concurrent work. Waiting callers go on in the order in which they came. */
class Turns {
  readonly #most: () => number
  readonly #waiting: (() => void)[] = []
  #underWay = 0

  constructor(most: () => number) {
    this.#most = most
  }

  /** Resolves when it is the caller's turn. The caller ends its turn with the returned function. */
  async take(): Promise<() => void> {
    if (this.#underWay >= this.#most()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#underWay += 1
    return () => this.#next()
  }

  /** Passes the turn that ends to the next caller, and starts others if the limit has risen. */
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
  /** Turns of this node's exchanges, with all peers together. */
  readonly moving: Turns = new Turns(() => this.#batches)
  /** Turns of the store for transfers, for this node or for others. */
  readonly #working = new Turns(() => (this.#isBusy ? 1 : Number.POSITIVE_INFINITY))
  #restedAt = Number.NEGATIVE_INFINITY
  #requestAt = Number.NEGATIVE_INFINITY
  /** Gets and puts that this node's store is working on. */
  #serving = 0
  #quiet = deferred<void>()
  /** Expected size of a record, from recent ones, in bytes. Null before the first. */
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

  /** Resolves when the store serves no get or put, or after a moment: transfers must go on, too. */
  async #calm(): Promise<void> {
    if (this.#serving > 0) await within(this.#clock, bounds.quietTimeoutMs, this.#quiet.promise)
  }

  /**
   * Reads or stores some records of a transfer. During gets and puts the store does one such piece at a time. Then it
   * rests, in proportion to the time it took, which is longer on a busy machine.
   */
  async work<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#working.take()
    // The peer that asked for these records must not wait for ever.
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

  /** The most records handled together, however small they are. */
  get recordsMax(): number {
    return this.#isBusy ? bounds.busyBatchRecords : bounds.batchRecordsMax
  }

  /** Records to read together: a batch of the expected size. Before any was seen, few, since they may be large. */
  get records(): number {
    const likely = this.#recordBytes ?? bounds.batchBytesMax / bounds.unseenBatchRecords
    return Math.max(1, Math.min(this.recordsMax, Math.floor(bounds.batchBytesMax / likely)))
  }

  /** Records to request together. A node that has seen none requests the most: the peer knows their sizes better. */
  get recordsAsked(): number {
    return this.#recordBytes === null ? this.recordsMax : this.records
  }

  /** Notes that so many records, of so many bytes, were read or taken in together. */
  saw(records: number, bytes: number): void {
    if (records === 0) return
    const weight = this.#recordBytes === null ? 1 : records / (records + bounds.sizesRemembered)
    this.#recordBytes = (this.#recordBytes ?? 0) * (1 - weight) + (bytes / records) * weight
  }

  get #batches(): number {
    return this.#isBusy ? 1 : bounds.batchesAtOnce
  }
}
