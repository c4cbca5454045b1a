/**
 * How long this node has stayed, and whether the ring can do without it: until then it is a guest (`failureDomain`).
 *
 * It is a guest no more once it has been awake for some graces on end, or as soon as members that have stayed are on fewer than n
 * devices: then it is needed as it is. What it has become it remembers with the member list; a new node begins as a guest, and
 * judges when it has met the others, or found nobody.
 */
import { needsGuests } from '../core/membership/claims.ts'
import type { Clock } from '../ports.ts'
import type { Membership } from './membership.ts'

export class Stay {
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #n: number
  readonly #stayMs: number
  readonly #stayed: () => void
  #knowsRing = false
  #hasStayed = false
  #cancel: () => void = () => {}

  /** `stayed` hears when this node is a guest no more. */
  constructor(clock: Clock, membership: Membership, n: number, stayMs: number, stayed: () => void) {
    this.#clock = clock
    this.#membership = membership
    this.#n = n
    this.#stayMs = stayMs
    this.#stayed = stayed
  }

  /** The first meeting is over: what is known of the ring by now is what there is to judge by. */
  met(): void {
    this.#knowsRing = true
    this.review()
  }

  /** It has just come, or was asleep: its stay begins here. */
  begin(): void {
    this.#cancel()
    this.#cancel = this.#clock.after(this.#stayMs, () => {
      this.#hasStayed = true
      this.review()
    })
  }

  end(): void {
    this.#cancel()
  }

  /** The ring has changed, or time has passed. */
  review(): void {
    const { own, view } = this.#membership
    if (!own.guest || own.status !== 'alive') return
    const isNeeded = this.#knowsRing && needsGuests(view, this.#n)
    if (!this.#hasStayed && !isNeeded) return
    this.#membership.stay()
    this.#stayed()
  }
}
