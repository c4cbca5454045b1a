/**
 * Exchange schedule: the peers this node exchanges with, and the times (Dynamo, sections 4.7 and 4.9).
 *
 * In a quiet ring every peer has its turn; between owners that is anti-entropy. Exchanges are due at once with a peer
 * that comes into reach, and after every change of placement. A new owner fetches from the former owners, and a former
 * owner hands on the records left here. A failed exchange is tried again, later each time. Two nodes that share no
 * partition do not exchange.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import type { Clock } from '../../ports.ts'
import type { Membership } from '../membership/membership.ts'
import type { Peers } from '../network/peers.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Routing } from '../ownership/routing.ts'
import { BackOff } from '../scheduling/back-off.ts'
import { inTimeSlices } from '../scheduling/time-slices.ts'
import { repeat } from '../scheduling/timers.ts'
import type { Replica } from '../storage/replica.ts'
import { Appointments } from './appointments.ts'
import type { Exchange } from './exchange.ts'

export interface ScheduleParts {
  readonly clock: Clock
  readonly chance: () => number
  readonly peers: Peers
  readonly routing: Routing
  readonly membership: Pick<Membership, 'agrees' | 'placesAlike'>
  readonly ownership: Ownership
  readonly replica: Replica
  readonly exchange: Exchange
}

export class ExchangeSchedule {
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #ownership: Ownership
  readonly #replica: Replica
  /** The placement of others, as they last showed it. */
  readonly #membership: Pick<Membership, 'agrees' | 'placesAlike'>
  readonly #exchange: Exchange
  readonly #appointments: Appointments
  /** By owner: partitions of which it has missed a write. */
  readonly #missed = new Map<NodeId, Set<Partition>>()
  /** Pauses after exchanges that failed, and after those that ended well between nodes with different placements. */
  readonly #backOff: BackOff<'exchange' | 'views'>
  #followedAt = Number.NEGATIVE_INFINITY
  #turn = 0
  #stopped = false

  constructor(parts: ScheduleParts) {
    this.#clock = parts.clock
    this.#chance = parts.chance
    this.#peers = parts.peers
    this.#routing = parts.routing
    this.#ownership = parts.ownership
    this.#replica = parts.replica
    this.#membership = parts.membership
    this.#exchange = parts.exchange
    const pauses = { firstMs: bounds.retryFirstMs, lastMs: bounds.retryLastMs }
    this.#backOff = new BackOff(parts.clock, parts.chance, pauses)
    this.#appointments = new Appointments(parts.clock, (node) => this.#run(node))
  }

  /** Exchanges regularly, with one peer after the other, until the returned function is called. */
  start(): () => void {
    const stop = repeat(this.#clock, bounds.exchangeIntervalMs, this.#chance, async () => {
      const isDue = (node: NodeId) => this.#peers.isReachable(node) && !this.#backOff.waits(node)
      const peers = this.#routing.others.filter((node) => isDue(node) && this.#concerns(node))
      // Peers take turns and are not drawn at random, so every pair meets within a known time.
      this.#turn += 1
      const chosen = peers[this.#turn % Math.max(1, peers.length)]
      if (chosen !== undefined) this.soon(chosen)
    })
    this.#replica.forest().then(
      // Hashes the records of earlier boots, so that the first exchange finds them hashed.
      (forest) => void inTimeSlices(this.#clock, forest.hashing(allPartitions)),
      () => {},
    )
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** A node has come into reach. There may be much to exchange. */
  met(node: NodeId): void {
    this.#backOff.reset(node)
    this.soon(node, 0)
  }

  /** This node's store accepts records again. */
  recovered(): void {
    this.#backOff.resetAll()
    for (const node of this.#routing.others) if (this.#peers.isReachable(node)) this.soon(node)
  }

  /** A node has shown the hash of its placement. If it now equals ours, a new exchange with that node counts. */
  viewSeen(node: NodeId): void {
    if (!this.#backOff.hasFailed(node, 'views') || !this.#membership.placesAlike(node)) return
    this.#backOff.reset(node, 'views')
    this.soon(node)
  }

  /** Exchanges with a node after a moment. */
  soon(node: NodeId, delayMs: number = bounds.exchangeSettleMs): void {
    this.#appointments.soon(node, delayMs)
  }

  /** An owner has missed a write that this node has: they exchange its partition soon, and either may begin. */
  missed(owner: NodeId, partition: Partition): void {
    if (!this.#routing.takesIn(owner)) return
    this.#miss(owner, partition)
    this.soon(owner, bounds.retryFirstMs)
  }

  #miss(owner: NodeId, partition: Partition): void {
    this.#missed.set(owner, (this.#missed.get(owner) ?? new Set()).add(partition))
  }

  /** Exchanges with a node all that is due. Resolves to the pause before the next try, ms, if it is too early. */
  async #run(node: NodeId): Promise<number | null> {
    if (this.#stopped || !this.#peers.isReachable(node) || !this.#concerns(node)) return null
    let reason: 'exchange' | 'views' = 'exchange'
    let missed: readonly Partition[] = []
    try {
      // A peer with another placement may store our records as hints and accept writes we never see. So an exchange
      // with it proves nothing.
      const isAlike = await this.#membership.agrees(node)
      // While members come and go, either node may learn of a change a moment later.
      const isSettling = this.#clock.now() - this.#followedAt < bounds.viewSettleMs
      if (!isAlike && isSettling) return bounds.viewRetryMs
      missed = this.#missedBy(node)
      this.#missed.delete(node)
      try {
        // A new owner fetches from a former one first. Little is left to move when it then compares with its co-owners.
        const fetching = this.#ownership.fetchingFrom(node)
        if (isAlike && fetching.length > 0) await this.#exchange.run(node, fetching, fetching, 'catching up')
        const left = this.#leftFor(node)
        const shared = this.#routing.sharedPartitions(this.#routing.self, node)
        const named = new Set([...left, ...missed])
        const due = named.size === 0 ? shared : [...new Set([...shared, ...named])].sort((a, b) => a - b)
        const why = left.length === 0 ? 'anti-entropy' : 'handing on'
        if (due.length > 0) await this.#exchange.run(node, due, named.size === 0 ? null : due, why)
      } finally {
        // This runs even if some partitions could not be brought in step: dropping others may make room for them.
        if (this.#leftFor(node).length > 0) await this.#exchange.dropSettled()
      }
      this.#backOff.reset(node, reason)
      reason = 'views'
      if (!isAlike || !this.#membership.placesAlike(node)) throw new Error('the two place keys differently')
      this.#backOff.reset(node)
    } catch {
      if (reason === 'exchange') for (const partition of missed) this.#miss(node, partition)
      // The node went away, a store failed, or the two have to exchange again. If the node is met again, the pauses
      // begin anew.
      if (!this.#peers.isReachable(node)) return null
      const waitMs = this.#backOff.failed(node, reason)
      // If either store accepts no records, there is no try: its node says when that ends.
      if (this.#routing.takesIn(node) && this.#routing.takesIn(this.#routing.self)) this.soon(node, waitMs)
    }
    return null
  }

  /** Partitions of a node that are still here although this one does not own them, or not any more. */
  #leftFor(node: NodeId): readonly Partition[] {
    return this.#routing
      .ownedBy(node)
      .filter(
        (partition) =>
          !this.#routing.owns(partition) && (this.#replica.holds(partition) || this.#ownership.isRetained(partition)),
      )
  }

  /** Partitions of which a node has missed a write, and that both own. */
  #missedBy(node: NodeId): readonly Partition[] {
    const isShared = (partition: Partition) =>
      this.#routing.owns(partition) && this.#routing.ownersOf(partition).includes(node)
    return [...(this.#missed.get(node) ?? [])].filter(isShared)
  }

  /** True if there is anything to exchange with a node. */
  #concerns(node: NodeId): boolean {
    const shared = this.#routing.sharedPartitions(this.#routing.self, node)
    return (
      shared.length > 0 ||
      this.#missed.has(node) ||
      this.#leftFor(node).length > 0 ||
      this.#ownership.fetchingFrom(node).length > 0
    )
  }

  /** Rows of a partition were lost here. Exchanges now with those of its owners that are within reach. */
  restore(partition: Partition): void {
    for (const owner of this.#routing.ownersOf(partition))
      if (owner !== this.#routing.self && this.#peers.isReachable(owner))
        this.#exchange.now(owner, 'lost rows').catch(() => {})
  }

  /** Follows a change of placement: there may be much to exchange with every peer within reach. */
  follow(): void {
    this.#backOff.keep((node) => this.#routing.isPlaced(node))
    for (const node of this.#missed.keys()) if (!this.#routing.isPlaced(node)) this.#missed.delete(node)
    this.#followedAt = this.#clock.now()
    for (const node of this.#routing.others) if (this.#peers.isReachable(node)) this.soon(node)
  }
}
