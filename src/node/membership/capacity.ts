/**
 * Capacity: the claim of this node on the ring, as its disk allows (Dynamo, section 4.2: heterogeneous nodes).
 *
 * A full node claims half its capacity, and half again while it stays full. Its partitions move to others, as after any
 * change of capacity. It then drops them here, which makes room. It claims more step by step, and only as much as will
 * fit. If there are no more devices than replicas, each device has to hold everything, so a smaller claim would move
 * nothing. Separately, the node reports the health of its store (`store-health.ts`): a full node is sent nothing. This
 * class also sets the part of the quota that hints may take.
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
  /** The health of the store, as the ring hears it. */
  readonly health: StoreHealth
  #state: Status['storage'] = 'ok'
  /** The time at which this node last claimed less, or more, because of its disk. */
  #weighedAt = Number.NEGATIVE_INFINITY
  #hasClaimedMore = false
  /** The wait before it claims more, ms. */
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

  /** Looks regularly for room on the disk, until the returned function is called. */
  start(chance: () => number): () => void {
    const stop = repeat(this.#clock, bounds.roomIntervalMs, chance, () => this.look())
    return () => {
      stop()
      this.health.end()
    }
  }

  /** Records were dropped, so a full disk may have room now. */
  madeRoom(): void {
    if (this.health.said === 'full') void this.health.look()
  }

  /** Gives hints their part of the quota. Claims more if the disk has room again. */
  async look(): Promise<void> {
    const room = await this.#store.room()
    if (room !== null) this.#replica.hints.limitTo(room.quotaBytes * bounds.hintQuotaShare)
    const { capacity16ths } = this.#membership.own
    const next = Math.min(this.#capacity16ths, 2 * capacity16ths)
    if (next === capacity16ths || this.#clock.now() - this.#weighedAt < this.#patienceMs) return
    // The used bytes grow with the share.
    const willFit = room === null || room.usedBytes * (next / capacity16ths) <= room.quotaBytes * (1 - bounds.roomShare)
    if (!willFit) return
    this.#hasClaimedMore = true
    this.#weigh(next)
  }

  get state(): Status['storage'] {
    return this.#state
  }

  /** Notes the result of an operation on the store. */
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
    // The larger claim has turned out to be too much. The next one comes after a longer wait.
    if (this.#hasClaimedMore) this.#patienceMs = Math.min(2 * this.#patienceMs, bounds.fullForMsMax)
    this.#hasClaimedMore = false
    this.#weigh(Math.max(1, Math.floor(capacity16ths / 2)))
  }

  /** True if others would take over the share that this node gives up. */
  get #canShed(): boolean {
    const placed = [...this.#membership.view.values()].filter(isPlaced)
    return new Set(placed.map(({ device }) => device)).size > this.#n
  }

  #weigh(capacity16ths: number): void {
    this.#weighedAt = this.#clock.now()
    this.#membership.weigh(capacity16ths)
  }
}
