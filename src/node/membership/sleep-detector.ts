/**
 * Whether this tab has been asleep: frozen, suspended with its laptop, or stood still for long. Its clocks tell,
 * whoever looks first (a timer, a message, a request): monotonic time went on with nobody looking, or wall time went
 * on without it.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import { repeat } from '../scheduling/timers.ts'

export class Heartbeat {
  readonly #clock: Clock
  readonly #isAway: () => boolean
  readonly #woke: () => void
  #now: number
  #wall: number

  /** `woke` hears of every sleep that is over. `isAway`: whether this tab has said that it goes to sleep. */
  constructor(clock: Clock, isAway: () => boolean, woke: () => void) {
    this.#clock = clock
    this.#isAway = isAway
    this.#woke = woke
    this.#now = clock.now()
    this.#wall = clock.wall()
  }

  start(chance: () => number): () => void {
    return repeat(this.#clock, bounds.heartbeatMs, chance, async () => {
      this.look()
      // A timer that fires is none of a tab that sleeps, whatever events the browser has or has not sent.
      if (this.#isAway()) this.#woke()
    })
  }

  look(): void {
    const [now, wall] = [this.#clock.now(), this.#clock.wall()]
    const stoodStillMs = now - this.#now
    const suspendedMs = wall - this.#wall - stoodStillMs
    this.#now = now
    this.#wall = wall
    if (stoodStillMs > bounds.asleepMs || suspendedMs > bounds.asleepMs) this.#woke()
  }
}
