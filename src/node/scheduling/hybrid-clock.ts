/**
 * The hybrid clock of a node (`core/versioning/hybrid-time.ts`; not in the paper).
 *
 * It gives times near the wall clock, and later than all times the node has seen.
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

  /** Notes the time of a write that arrived. Only a believable time moves the clock. */
  observe(time: HybridTime): void {
    this.#latest = observeTime(this.#latest, time, this.#clock.wall())
  }

  /** A time later than all observed ones and than `seen`, even if the clock behind `seen` is far ahead. */
  next(seen: HybridTime): HybridTime {
    this.observe(seen)
    const time = nextTime(Math.max(this.#latest, seen) as HybridTime, this.#clock.wall())
    this.observe(time)
    return time
  }
}
