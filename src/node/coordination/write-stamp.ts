/**
 * What this boot gives to each write of its own: a dot nobody has used, and a time later than all its writer has seen.
 */
import type { HybridTime, StoredKey } from '../../core/ids.ts'
import type { Written } from '../../core/versioning/causal-history.ts'
import type { SeenContext } from '../../core/versioning/context.ts'
import { hybridZero, nextTime, observeTime } from '../../core/versioning/hybrid-time.ts'
import type { Clock } from '../../ports.ts'
import type { DotMint } from './dot-mint.ts'

export class Author {
  readonly #clock: Clock
  readonly #mint: DotMint
  #latest: HybridTime = hybridZero

  constructor(clock: Clock, mint: DotMint) {
    this.#clock = clock
    this.#mint = mint
  }

  /** Signs a write of a key whose writer has seen so much. */
  sign(key: StoredKey, seen: SeenContext): Written {
    this.saw(seen.time)
    // Later than all its writer saw, however wrong the clocks; but only believable times move our own clock.
    const time = nextTime(Math.max(this.#latest, seen.time) as HybridTime, this.#clock.wall())
    this.saw(time)
    return { dot: this.#mint.next(key, seen.history, this.#clock.wall()), time }
  }

  /** Nobody is known to have stored a write that was signed here. */
  failed(key: StoredKey, { dot }: Written): void {
    this.#mint.failed(key, dot)
  }

  /** A write came by. */
  saw(time: HybridTime): void {
    this.#latest = observeTime(this.#latest, time, this.#clock.wall())
  }
}
