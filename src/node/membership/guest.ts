/**
 * How long this node has stayed, and whether the ring can do without it: until then it is a guest (`failureDomain`).
 *
 * It is a guest no more once it has been awake for some graces on end, or as soon as members that have stayed are on
 * fewer than n devices: then it is needed as it is. What it has become it remembers with the member list. A new node
 * begins as a guest, and judges when it has met somebody: alone it owns everything anyway.
 */
import { bounds } from '../../core/bounds.ts'
import { needsGuests } from '../../core/membership/claims.ts'
import type { Clock } from '../../ports.ts'
import { debounced } from '../scheduling/timers.ts'
import type { Membership } from './membership.ts'

export class Guest {
  /** This node is a guest no more. */
  onStayed: () => void = () => {}
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #n: number
  readonly #stayMs: number
  readonly #judgeSoon: () => void
  #knowsRing = false
  #hasStayed = false
  #cancel: () => void = () => {}

  constructor(clock: Clock, membership: Membership, n: number, stayMs: number) {
    this.#clock = clock
    this.#membership = membership
    this.#n = n
    this.#stayMs = stayMs
    this.#judgeSoon = debounced(clock, bounds.exchangeSettleMs, () => this.#judge())
  }

  /** It has just come, or was asleep: its stay begins here. */
  begin(): void {
    this.#hasStayed = false
    this.#cancel()
    this.#cancel = this.#clock.after(this.#stayMs, () => {
      this.#hasStayed = true
      this.#judge()
    })
  }

  /** Lists have been exchanged with somebody: this is the ring. */
  met(): void {
    this.#knowsRing = this.#membership.view.size > 1
    this.#judge()
  }

  /** The ring has changed, and more of it may within a moment. */
  changed(): void {
    if (this.#membership.own.guest) this.#judgeSoon()
  }

  end(): void {
    this.#cancel()
    this.#knowsRing = false
  }

  #judge(): void {
    const { own, view } = this.#membership
    if (!own.guest || own.status !== 'alive') return
    const isNeeded = this.#knowsRing && needsGuests(view, this.#n)
    if (!this.#hasStayed && !isNeeded) return
    this.#membership.stay()
    this.onStayed()
  }
}
