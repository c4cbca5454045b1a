/**
 * The hybrid clock of a node: times later than all it has seen, near the wall clock (`core/versioning/hybrid-time.ts`).
 */
import type { HybridTime } from '../../core/ids.ts'
import { hybridZero, nextTime, observeTime } from '../../core/versioning/hybrid-time.ts'
import type { Clock } from '../../ports.ts'

export class HybridClock {
  readonly #clock: Pick<Clock, 'wall'>
  #latest: HybridTime = hybridZero

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  /** A write of this time came by. Only believable times move the clock. */
  observe(time: HybridTime): void {
    this.#latest = observeTime(this.#latest, time, this.#clock.wall())
  }

  /** A time later than all that was observed, and than `seen`, however wrong the clock behind that is. */
  next(seen: HybridTime): HybridTime {
    this.observe(seen)
    const time = nextTime(Math.max(this.#latest, seen) as HybridTime, this.#clock.wall())
    this.observe(time)
    return time
  }
}
