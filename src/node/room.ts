/**
 * Room on the disk: how much of it hints may take, and what a node does that has none left.
 *
 * A full node says so to the ring by claiming half its capacity, and half of that while it stays full: its partitions move to others,
 * as with any change of capacity, and what has moved is dropped here, which makes room (section 4.2: a node's share follows what
 * it can carry). When there is room again it claims what it was opened with.
 */
import { bounds } from '../core/bounds.ts'
import type { Clock, Store } from '../ports.ts'
import { repeat } from './deadline.ts'
import type { Membership } from './membership.ts'
import type { Replica } from './replica.ts'

export class Room {
  readonly #store: Store
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #replica: Replica
  readonly #capacity16ths: number
  /** When the disk was last found full, while this node claims less than it was opened with. */
  #fullAt: number | undefined

  constructor(store: Store, clock: Clock, membership: Membership, replica: Replica) {
    this.#store = store
    this.#clock = clock
    this.#membership = membership
    this.#replica = replica
    this.#capacity16ths = membership.own.capacity16ths
  }

  /** Looks how much room there is, until the returned function is called. */
  start(chance: () => number): () => void {
    return repeat(this.#clock, bounds.roomIntervalMs, chance, () => this.look())
  }

  /** Hints may take a part of the quota; a node that has room again carries its share again. */
  async look(): Promise<void> {
    const room = await this.#store.room().catch(() => null)
    if (room !== null) this.#replica.limitHints(room.quotaBytes * bounds.hintQuotaShare)
    if (this.#fullAt === undefined) return
    const hasRoom = room === null || room.usedBytes <= room.quotaBytes * (1 - bounds.roomShare)
    if (!hasRoom || this.#clock.now() - this.#fullAt < bounds.fullForMs) return
    this.#fullAt = undefined
    this.#membership.weigh(this.#capacity16ths)
  }

  /** The store had no room for a write. */
  isFull(): void {
    const now = this.#clock.now()
    if (this.#fullAt !== undefined && now - this.#fullAt < bounds.roomIntervalMs) return
    this.#fullAt = now
    this.#membership.weigh(Math.max(1, Math.floor(this.#membership.own.capacity16ths / 2)))
  }
}
