/**
 * A rate limit, as a token bucket: so many at once, so many a second in the long run.
 *
 * The bucket fills at a steady rate, and each message takes one token.
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

  /** Takes one token. False if none is left. */
  take(): boolean {
    const now = this.#nowMs()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
