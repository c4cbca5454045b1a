/**
 * Whether this tab has been asleep: frozen, suspended with its laptop, or stood still for long. Its clocks tell,
 * whoever looks first (a timer, a message, a request): monotonic time went on with nobody looking, or wall time went
 * on without it.
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
      // A timer that fires is none of a tab that sleeps, whatever events the browser has or has not sent.
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
