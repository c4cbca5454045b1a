/**
 * Capacity on the disk: how much of it hints may take, and what a node does that has none left.
 *
 * A full node says so to the ring by claiming half its capacity, and half of that while it stays full: its partitions
 * move to others, as with any change of capacity, and what has moved is dropped here, which makes room (section 4.2:
 * a node's share follows what it can carry). It claims more again step by step, and only what will fit. Where there
 * are no more devices than replicas each has to hold everything, and there is nothing to be claimed by others. What
 * its store does besides, the node says as `store-health.ts` has it: one that is full is sent nothing.
 */
import { bounds } from '../../core/bounds.ts'
import { isPlaced } from '../../core/membership/claims.ts'
import type { Clock, Store } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { Status } from '../api/tabring-node.ts'
import { repeat } from '../scheduling/timers.ts'
import type { Replica } from '../storage/replica.ts'
import type { Membership } from './membership.ts'
import { StoreHealth } from './store-health.ts'

export interface CapacityParts {
  readonly store: Store
  readonly clock: Clock
  readonly chance: () => number
  readonly membership: Membership
  readonly replica: Replica
  readonly n: number
  readonly events: Events
}

export class Capacity {
  readonly #store: Store
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #replica: Replica
  readonly #n: number
  readonly #capacity16ths: number
  readonly #events: Events
  /** What the ring hears of the store. */
  readonly health: StoreHealth
  #state: Status['storage'] = 'ok'
  /** When this node last claimed less, or more, because of its disk. */
  #weighedAt = Number.NEGATIVE_INFINITY
  #hasClaimedMore = false
  /** How long it waits before it claims more. */
  #patienceMs: number = bounds.fullForMs

  constructor(parts: CapacityParts) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#membership = parts.membership
    this.#replica = parts.replica
    this.#n = parts.n
    this.#events = parts.events
    this.#capacity16ths = parts.membership.own.capacity16ths
    this.health = new StoreHealth(parts.clock, parts.store, parts.chance, parts.membership.own.node)
  }

  /** Looks how much room there is, until the returned function is called. */
  start(chance: () => number): () => void {
    const stop = repeat(this.#clock, bounds.roomIntervalMs, chance, () => this.look())
    return () => {
      stop()
      this.health.end()
    }
  }

  /** Something was dropped: a full disk may have room by that. */
  madeRoom(): void {
    if (this.health.said === 'full') void this.health.look()
  }

  /** Hints may take a part of the quota; a node that has room again carries more again. */
  async look(): Promise<void> {
    const room = await this.#store.room()
    if (room !== null) this.#replica.hints.limitTo(room.quotaBytes * bounds.hintQuotaShare)
    const { capacity16ths } = this.#membership.own
    const next = Math.min(this.#capacity16ths, 2 * capacity16ths)
    if (next === capacity16ths || this.#clock.now() - this.#weighedAt < this.#patienceMs) return
    // What is used grows with the share.
    const willFit = room === null || room.usedBytes * (next / capacity16ths) <= room.quotaBytes * (1 - bounds.roomShare)
    if (!willFit) return
    this.#hasClaimedMore = true
    this.#weigh(next)
  }

  get state(): Status['storage'] {
    return this.#state
  }

  /** How the store took a write, or anything else. */
  storageWas(state: Status['storage']): void {
    this.health.was(state)
    if (state === 'full') this.#isFull()
    if (this.#state === state) return
    this.#state = state
    this.#events.emit('storage', { state })
  }

  #isFull(): void {
    if (this.#clock.now() - this.#weighedAt < bounds.roomIntervalMs || !this.#canShed) return
    const { capacity16ths } = this.#membership.own
    // What it claimed has turned out to be too much: it waits for longer before it does so again.
    if (this.#hasClaimedMore) this.#patienceMs = Math.min(2 * this.#patienceMs, bounds.fullForMsMax)
    this.#hasClaimedMore = false
    this.#weigh(Math.max(1, Math.floor(capacity16ths / 2)))
  }

  /** Whether others would take over what this node claims no more. */
  get #canShed(): boolean {
    const placed = [...this.#membership.view.values()].filter(isPlaced)
    return new Set(placed.map(({ device }) => device)).size > this.#n
  }

  #weigh(capacity16ths: number): void {
    this.#weighedAt = this.#clock.now()
    this.#membership.weigh(capacity16ths)
  }
}
