/**
 * Sleep detector: finds out that this tab was asleep (not in the paper).
 *
 * A tab sleeps when it is frozen, suspended with its laptop, or stands still for long. Its clocks show it at the next
 * look, made by a timer, a message or a request. Monotonic time went on without a look, or wall time went on without
 * monotonic time.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import { repeat } from '../scheduling/timers.ts'
import type { Membership } from './membership.ts'

export class SleepDetector {
  /** A sleep is over. */
  onWoke: () => void = () => {}
  readonly #clock: Clock
  readonly #membership: Pick<Membership, 'own'>
  #now: number
  #wall: number

  constructor(clock: Clock, membership: Pick<Membership, 'own'>) {
    this.#clock = clock
    this.#membership = membership
    this.#now = clock.now()
    this.#wall = clock.wall()
  }

  start(chance: () => number): () => void {
    return repeat(this.#clock, bounds.sleepCheckMs, chance, async () => {
      this.look()
      // A tab whose timers fire is not asleep, no matter which events the browser has sent.
      if (this.#membership.own.status === 'away') this.onWoke()
    })
  }

  look(): void {
    const [now, wall] = [this.#clock.now(), this.#clock.wall()]
    const stoodStillMs = now - this.#now
    const suspendedMs = wall - this.#wall - stoodStillMs
    this.#now = now
    this.#wall = wall
    if (stoodStillMs > bounds.asleepMs || suspendedMs > bounds.asleepMs) this.onWoke()
  }
}
