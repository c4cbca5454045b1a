/**
 * What this boot gives to each write of its own: a dot nobody has used, and a time later than all its writer has seen.
 */
import type { StoredKey } from '../../core/ids.ts'
import type { Written } from '../../core/versioning/causal-history.ts'
import type { SeenContext } from '../../core/versioning/context.ts'
import type { Clock } from '../../ports.ts'
import type { HybridClock } from '../scheduling/hybrid-clock.ts'
import type { DotMint } from './dot-mint.ts'

export class WriteStamp {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #hybrid: HybridClock
  readonly #mint: DotMint

  constructor(clock: Pick<Clock, 'wall'>, hybrid: HybridClock, mint: DotMint) {
    this.#clock = clock
    this.#hybrid = hybrid
    this.#mint = mint
  }

  /** Signs a write of a key whose writer has seen so much. */
  sign(key: StoredKey, seen: SeenContext): Written {
    const time = this.#hybrid.next(seen.time)
    return { dot: this.#mint.next(key, seen.history, this.#clock.wall()), time }
  }

  /** Nobody is known to have stored a write that was signed here. */
  failed(key: StoredKey, { dot }: Written): void {
    this.#mint.failed(key, dot)
  }
}
