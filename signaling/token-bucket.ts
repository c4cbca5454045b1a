/**
 * A rate limit: so many at once, so many a second in the long run.
 */
export class TokenBucket {
  readonly #burst: number
  readonly #perSecond: number
  readonly #nowMs: () => number
  #tokens: number
  #filledAt: number

  constructor(burst: number, perSecond: number, nowMs: () => number) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#nowMs = nowMs
    this.#tokens = burst
    this.#filledAt = nowMs()
  }

  /** Takes one token; false where none is left. */
  take(): boolean {
    const now = this.#nowMs()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
