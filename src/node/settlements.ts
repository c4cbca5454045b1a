/**
 * Which node holds or covers all that is here of a partition, and whether it still does: it does until the next write.
 */
import type { NodeId, Partition } from '../core/ids.ts'
import type { Begun } from './forgetting.ts'
import type { Replica } from './replica.ts'
import type { Routing } from './routing.ts'

/** How much had been written of each partition at some moment. */
export type Counts = ReadonlyMap<Partition, number>

/** A reconciliation that another node has asked for, and how it was here when it began. */
export interface Answered {
  readonly session: number
  readonly epoch: number
  readonly begun: Begun
  /** What had been written; null once that is settled. */
  readonly counts: Counts | null
}

export class Settlements {
  readonly #routing: Routing
  readonly #replica: Replica
  /** Counts writes of a partition, and at which count each owner had settled it. */
  readonly #writes = new Map<Partition, number>()
  readonly #settled = new Map<Partition, Map<NodeId, number>>()

  constructor(routing: Routing, replica: Replica) {
    this.#routing = routing
    this.#replica = replica
  }

  /** A record of the partition changed here. */
  written(partition: Partition): void {
    this.#writes.set(partition, (this.#writes.get(partition) ?? 0) + 1)
  }

  get counts(): Counts {
    return new Map(this.#writes)
  }

  /** A node holds or covers all that was here of these partitions after so many writes. Returns those of which it held less before. */
  settle(node: NodeId, partitions: readonly Partition[], counts: Counts): readonly Partition[] {
    const before = (partition: Partition) => this.#settled.get(partition)?.get(node)
    const more = partitions.filter((partition) => before(partition) !== (counts.get(partition) ?? 0))
    for (const partition of partitions) {
      const owners = this.#settled.get(partition) ?? new Map<NodeId, number>()
      this.#settled.set(partition, owners.set(node, counts.get(partition) ?? 0))
    }
    return more
  }

  /** Whether every owner holds or covers all that is here, and no write came since it said so. */
  isSettled(partition: Partition): boolean {
    return this.#routing.ownersOf(partition).every((owner) => this.hasAll(owner, partition))
  }

  /** Whether a node holds or covers, flushed, all records of a partition that are here, and no write came since it said so. */
  hasAll(node: NodeId, partition: Partition): boolean {
    // A write of which no word has come yet may be in the store already.
    if (this.#replica.isChanging(partition)) return false
    return this.#settled.get(partition)?.get(node) === (this.#writes.get(partition) ?? 0)
  }

  /** Follows a change of the member view: what somebody held as an owner says nothing once it is none. */
  follow(): void {
    for (const [partition, owners] of this.#settled) {
      const current = this.#routing.ownersOf(partition)
      for (const owner of owners.keys()) if (!current.includes(owner)) owners.delete(owner)
    }
  }
}
