/**
 * Followers: nodes that this node tells of changes, for as long as they ask (not in the paper; its clients poll).
 *
 * A node follows partitions for one lease, and renews it. What changes meanwhile is gathered by key, and a follower is
 * told the present record of each key, one batch at a time. So a slow follower skips states, and never the last.
 */
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, Partition, StoredKey } from '../../core/ids.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import { pause } from '../scheduling/timers.ts'
import type { Replica } from '../storage/replica.ts'
import { batchesOf } from '../transfer/batches.ts'

export class Followers {
  /** Tells this node, if it follows itself. */
  onOwn: (entries: readonly KeyedRecord[]) => void = () => {}
  readonly #self: NodeId
  readonly #clock: Clock
  readonly #peers: Peers
  readonly #replica: Replica
  /** By partition and follower: the end of its lease. */
  readonly #leases = new Map<Partition, Map<NodeId, number>>()
  /** By follower: the keys of which it has to be told. */
  readonly #due = new Map<NodeId, Set<StoredKey>>()
  readonly #telling = new Set<NodeId>()

  constructor(self: NodeId, clock: Clock, peers: Peers, replica: Replica) {
    this.#self = self
    this.#clock = clock
    this.#peers = peers
    this.#replica = replica
  }

  /** A node follows these partitions for one lease. */
  follow(node: NodeId, partitions: readonly Partition[]): void {
    const until = this.#clock.now() + bounds.followMs
    for (const partition of partitions) {
      const leases = this.#leases.get(partition) ?? new Map<NodeId, number>()
      this.#leases.set(partition, leases.set(node, until))
    }
    this.#forgetEnded()
  }

  /** Records of these keys have changed here. */
  changed(keys: readonly StoredKey[]): void {
    if (this.#leases.size === 0) return
    this.#forgetEnded()
    for (const key of keys) {
      for (const node of this.#leases.get(partitionOf(key))?.keys() ?? []) {
        const due = this.#due.get(node) ?? new Set<StoredKey>()
        this.#due.set(node, due.add(key))
      }
    }
    for (const node of this.#due.keys()) void this.#tellAll(node)
  }

  #forgetEnded(): void {
    for (const [partition, leases] of this.#leases) {
      for (const [node, until] of leases) if (until < this.#clock.now()) leases.delete(node)
      if (leases.size === 0) this.#leases.delete(partition)
    }
  }

  #isFollowing(node: NodeId): boolean {
    this.#forgetEnded()
    return [...this.#leases.values()].some((leases) => leases.has(node))
  }

  async #tellAll(node: NodeId): Promise<void> {
    if (this.#telling.has(node)) return
    this.#telling.add(node)
    try {
      for (let due = this.#due.get(node); due !== undefined && due.size > 0; due = this.#due.get(node)) {
        const keys = [...due].slice(0, bounds.batchRecordsMax)
        for (const key of keys) due.delete(key)
        const isTold = await this.#tell(node, keys).then(
          () => true,
          () => false,
        )
        if (isTold) continue
        for (const key of keys) due.add(key)
        if (!this.#isFollowing(node)) break
        await pause(this.#clock, bounds.followRetryMs)
      }
    } finally {
      this.#telling.delete(node)
      this.#due.delete(node)
    }
  }

  async #tell(node: NodeId, keys: readonly StoredKey[]): Promise<void> {
    const found = await this.#replica.readEach(keys)
    const records = keys.map((key, index) => ({ key, record: (found[index] as (typeof found)[number]).record }))
    for (const entries of batchesOf(records)) {
      if (node === this.#self) this.onOwn(entries)
      else await this.#peers.request(node, { type: 'changed', entries }, 'reply', bounds.followTimeoutMs)
    }
  }
}
