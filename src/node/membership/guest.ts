/**
 * Guests: members that have come recently, and that the ring can do without (`failureDomain`; not in the paper).
 *
 * This node is a guest no more once it has been awake for some graces without a break. The ring needs it sooner if the
 * members that have stayed are on fewer than n devices. Then it is a guest no more at once. The node keeps its state
 * with the member list. A new node begins as a guest, and judges the ring's need once it has met another node. Alone it
 * owns everything anyway.
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

  /** The node has just come, or was asleep: its stay begins now. */
  begin(): void {
    this.#hasStayed = false
    this.#cancel()
    this.#cancel = this.#clock.after(this.#stayMs, () => {
      this.#hasStayed = true
      this.#judge()
    })
  }

  /** Member lists have been exchanged with another node, so this one knows the ring. */
  met(): void {
    this.#knowsRing = this.#membership.view.size > 1
    this.#judge()
  }

  /** The ring has changed, and may change more within a moment. */
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
