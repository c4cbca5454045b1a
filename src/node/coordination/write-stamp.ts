/**
 * Write stamps: the dot and the time of each write that this boot coordinates (Dynamo, section 4.4).
 *
 * No write has used the dot before. The time is later than any time the writer has seen.
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

  /** Signs a write of a key. `seen`: the context of its writer. */
  sign(key: StoredKey, seen: SeenContext): Written {
    const time = this.#hybrid.next(seen.time)
    return { dot: this.#mint.next(key, seen.history, this.#clock.wall()), time }
  }

  /** No node has confirmed a write that was signed here. */
  failed(key: StoredKey, { dot }: Written): void {
    this.#mint.failed(key, dot)
  }
}
