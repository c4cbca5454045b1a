/**
 * Exchange: one node makes sure that another holds or covers all it has of the partitions that other one owns (Dynamo,
 * sections 4.7 and 4.9).
 *
 * Offer the digest of each partition; for those that differ, offer the keys; deliver what is asked for; say that it is
 * settled. Run in both directions it is anti-entropy; towards a new owner it is the transfer of ownership; before a node leaves
 * it is the handing over. A former owner drops a partition once every owner has settled it and no write came since.
 */
import { bounds } from '../core/bounds.ts'
import { partitionOf } from '../core/hash.ts'
import type { NodeId, Partition } from '../core/ids.ts'
import type { PartitionDigests } from '../core/merkle/partition-digest.ts'
import type { KeyDigest, PartitionDigest, Reply } from '../core/wire/messages.ts'
import type { Clock } from '../ports.ts'
import { repeat } from './deadline.ts'
import { batchesOf, bytesOf, deliver } from './delivery.ts'
import type { Events } from './events.ts'
import { allPartitions, type Ownership } from './ownership.ts'
import type { Peers } from './peers.ts'
import type { Replica } from './replica.ts'
import type { Routing } from './routing.ts'

export class Exchange {
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #ownership: Ownership
  readonly #replica: Replica
  readonly #events: Events
  /** Nodes to exchange with soon. */
  readonly #due = new Set<NodeId>()
  readonly #underWay = new Set<NodeId>()
  /** Counts writes of a partition, and at which count each owner had settled it. */
  readonly #writes = new Map<Partition, number>()
  readonly #settled = new Map<Partition, Map<NodeId, number>>()
  #turn = 0
  #stopped = false

  constructor(
    clock: Clock,
    chance: () => number,
    peers: Peers,
    routing: Routing,
    ownership: Ownership,
    replica: Replica,
    events: Events,
  ) {
    this.#clock = clock
    this.#chance = chance
    this.#peers = peers
    this.#routing = routing
    this.#ownership = ownership
    this.#replica = replica
    this.#events = events
  }

  /** Exchanges with one peer after the other, now and then, until the returned function is called. */
  start(): () => void {
    const stop = repeat(this.#clock, bounds.exchangeIntervalMs, this.#chance, async () => {
      const peers = this.#peers.connected
      // In turn, not at random: then there is a time after which every pair has met.
      this.#turn += 1
      const chosen = peers[this.#turn % Math.max(1, peers.length)]
      if (chosen !== undefined) this.soon(chosen)
    })
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** A record of the partition changed here. */
  written(partition: Partition): void {
    this.#writes.set(partition, (this.#writes.get(partition) ?? 0) + 1)
  }

  /** Exchanges with a node after a moment, so that a burst of reasons makes one exchange. */
  soon(node: NodeId, delayMs: number = bounds.exchangeSettleMs): void {
    if (this.#due.has(node)) return
    this.#due.add(node)
    this.#clock.after(delayMs, () => {
      this.#due.delete(node)
      void this.#run(node)
    })
  }

  async #run(node: NodeId): Promise<void> {
    if (this.#stopped || !this.#peers.isReachable(node)) return
    if (this.#underWay.has(node)) {
      this.soon(node)
      return
    }
    this.#underWay.add(node)
    try {
      const partitions = allPartitions.filter((partition) => this.#routing.ownersOf(partition).includes(node))
      await this.handOver(node, partitions)
      await this.#dropSettled()
    } catch {
      // The node went away, or a store failed. Meeting it again begins anew; if it is still there, so do we.
      if (this.#peers.isReachable(node)) this.soon(node, bounds.requestTimeoutMs)
    } finally {
      this.#underWay.delete(node)
    }
  }

  /** Makes sure that `node` holds or covers all that is here of `partitions`. Rejects when it cannot be finished. */
  async handOver(node: NodeId, partitions: readonly Partition[]): Promise<void> {
    const digests = await this.#replica.digests()
    const offered: PartitionDigest[] = partitions.map((partition) => ({ partition, digest: digests.root(partition) }))
    const writes = new Map(partitions.map((partition) => [partition, this.#writes.get(partition) ?? 0]))
    const reply = await this.#peers.request(
      node,
      { type: 'offer', partitions: offered },
      'bulk',
      bounds.operationTimeoutMs,
    )
    const differing = new Set(reply.type === 'differing' ? reply.partitions : [])
    await this.#settle(
      node,
      partitions.filter((partition) => !differing.has(partition)),
      writes,
    )
    let failure: unknown = null
    for (const partition of differing) {
      try {
        await this.#handOverPartition(node, digests, partition)
        await this.#settle(node, [partition], writes)
      } catch (error) {
        // One record that will not go must not keep the others back.
        failure = error
        if (!this.#peers.isReachable(node)) break
      }
    }
    if (failure !== null) throw failure
  }

  async #handOverPartition(node: NodeId, digests: PartitionDigests, partition: Partition): Promise<void> {
    const keys = digests.leaves(partition).map(([key, digest]) => ({ key, digest }))
    for (let at = 0; at < keys.length; at += bounds.inventoryItemsMax) {
      await this.#handOverKeys(node, keys.slice(at, at + bounds.inventoryItemsMax))
    }
  }

  /** Tells a node that it holds or covers all that was here of these partitions, as of so many writes. */
  async #settle(node: NodeId, partitions: readonly Partition[], writes: ReadonlyMap<Partition, number>): Promise<void> {
    await this.#peers.request(node, { type: 'settled', partitions }, 'bulk', bounds.operationTimeoutMs)
    for (const partition of partitions) {
      const owners = this.#settled.get(partition) ?? new Map<NodeId, number>()
      this.#settled.set(partition, owners.set(node, writes.get(partition) ?? 0))
    }
  }

  async #handOverKeys(node: NodeId, keys: readonly KeyDigest[]): Promise<void> {
    const reply = await this.#peers.request(node, { type: 'inventory', keys }, 'bulk', bounds.operationTimeoutMs)
    if (reply.type !== 'wanted' || reply.indices.length === 0) return
    const wanted = reply.indices.flatMap((index) => keys[index]?.key ?? [])
    for (const batch of batchesOf(await this.#replica.records(wanted))) {
      await deliver(this.#peers, node, batch)
      const bytes = batch.reduce((sum, record) => sum + bytesOf(record), 0)
      this.#events.emit('repair', { peer: node, keys: batch.length, bytes, reason: 'exchange' })
    }
  }

  /** Drops what others own by now, where each of them has settled it since the last write. */
  async #dropSettled(): Promise<void> {
    const digests = await this.#replica.digests()
    for (const partition of allPartitions) {
      if (this.#routing.owns(partition)) continue
      const isDue = () => this.#isSettled(partition)
      if (!isDue()) continue
      const isGone = !digests.has(partition) || (await this.#replica.drop(partition, isDue))
      if (isGone) this.#ownership.dropped(partition)
    }
  }

  /** Whether every owner holds or covers all that is here, and no write came since it said so. */
  #isSettled(partition: Partition): boolean {
    const settled = this.#settled.get(partition)
    const count = this.#writes.get(partition) ?? 0
    return this.#routing.ownersOf(partition).every((owner) => settled?.get(owner) === count)
  }

  /** Follows a change of the member view: what somebody held as an owner says nothing once it is none. */
  follow(): void {
    for (const [partition, owners] of this.#settled) {
      const current = this.#routing.ownersOf(partition)
      for (const owner of owners.keys()) if (!current.includes(owner)) owners.delete(owner)
    }
  }

  /** Which of the offered partitions hold something this node may lack. The other may lack something as well: it is offered soon. */
  async answerOffer(from: NodeId, offered: readonly PartitionDigest[]): Promise<Reply> {
    const digests = await this.#replica.digests()
    const differing = offered.filter(({ partition, digest }) => digest !== null && digest !== digests.root(partition))
    if (differing.length > 0) this.soon(from, bounds.exchangeBackMs)
    return { type: 'differing', partitions: differing.map(({ partition }) => partition) }
  }

  /** Which of the offered keys hold something this node may lack. */
  async answerInventory(keys: readonly KeyDigest[]): Promise<Reply> {
    const digests = await this.#replica.digests()
    const indices = keys.flatMap(({ key, digest }, index) =>
      digests.digestOf(partitionOf(key), key) === digest ? [] : [index],
    )
    return { type: 'wanted', indices }
  }
}
