/**
 * Exchange schedule: with whom this node exchanges, and when (Dynamo, sections 4.7 and 4.9).
 *
 * In a quiet ring every peer has its turn: between owners that is anti-entropy. A peer that comes into reach, and every
 * change of placement, make exchanges due at once: a new owner fetches from those who owned before, and a former owner
 * hands on what is left here. Exchanges that fail are tried again, later each time. Two nodes that share nothing
 * exchange nothing.
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
  /** How others place keys. */
  readonly #membership: Pick<Membership, 'agrees' | 'placesAlike'>
  readonly #exchange: Exchange
  readonly #appointments: Appointments
  /** Exchanges that failed, and those that ended well where the two placed keys differently. */
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

  /** Exchanges with one peer after the other, now and then, until the returned function is called. */
  start(): () => void {
    const stop = repeat(this.#clock, bounds.exchangeIntervalMs, this.#chance, async () => {
      const isDue = (node: NodeId) => this.#peers.isReachable(node) && !this.#backOff.waits(node)
      const peers = this.#routing.others.filter((node) => isDue(node) && this.#concerns(node))
      // In turn, not at random: then there is a time after which every pair has met.
      this.#turn += 1
      const chosen = peers[this.#turn % Math.max(1, peers.length)]
      if (chosen !== undefined) this.soon(chosen)
    })
    this.#replica.forest().then(
      // What an earlier boot has stored: the first exchange finds it hashed.
      (forest) => void inTimeSlices(this.#clock, forest.hashing(allPartitions)),
      () => {},
    )
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** A node has come into reach: there may be much to exchange, and somebody waits for it. `then` runs after it. */
  met(node: NodeId, then: () => void): void {
    this.#exchange.underWay.began(node)
    this.#backOff.reset(node)
    this.soon(node, 0, then)
  }

  /** This node's store takes in again what it did not. */
  recovered(): void {
    this.#backOff.resetAll()
    for (const node of this.#routing.others) if (this.#peers.isReachable(node)) this.soon(node)
  }

  /**
   * A node has said by what hash it places keys: where it does so as this one by now, what was moved between them
   * counts.
   */
  viewSeen(node: NodeId): void {
    if (!this.#backOff.hasFailed(node, 'views') || !this.#membership.placesAlike(node)) return
    this.#backOff.reset(node, 'views')
    this.soon(node)
  }

  /** Exchanges with a node after a moment. `then` runs after it, well or not. */
  soon(node: NodeId, delayMs: number = bounds.exchangeSettleMs, then: () => void = () => {}): void {
    this.#appointments.soon(node, delayMs, then)
  }

  /** Exchanges what there is to exchange; returns after how long to begin again where that comes too early. */
  async #run(node: NodeId): Promise<number | null> {
    if (this.#stopped || !this.#peers.isReachable(node) || !this.#concerns(node)) {
      this.#exchange.underWay.ended(node)
      return null
    }
    let reason: 'exchange' | 'views' = 'exchange'
    try {
      // Whoever places keys otherwise may keep what it is given as hints, and take in what nobody here hears of: that
      // does not count.
      const isAlike = await this.#membership.agrees(node)
      // While members come and go, the other is about to hear of it, or this node.
      const isSettling = this.#clock.now() - this.#followedAt < bounds.viewSettleMs
      if (!isAlike && isSettling) return bounds.viewRetryMs
      const fetching = this.#ownership.fetchingFrom(node)
      if (isAlike && fetching.length > 0) await this.#exchange.run(node, fetching, fetching, 'home')
      const left = this.#leftFor(node)
      const shared = this.#routing.sharedPartitions(this.#routing.self, node)
      const due = left.length === 0 ? shared : [...shared, ...left].sort((a, b) => a - b)
      try {
        if (due.length > 0) await this.#exchange.run(node, due, left.length === 0 ? null : due, 'both ways')
      } finally {
        // Also where some could not be brought in step: dropping the others may be what makes room for them.
        if (left.length > 0) await this.#exchange.dropSettled()
      }
      this.#backOff.reset(node, reason)
      reason = 'views'
      if (!isAlike || !this.#membership.placesAlike(node)) throw new Error('the two place keys differently')
      this.#backOff.reset(node)
    } catch {
      // The node went away, or a store failed, or the two have to exchange again. Meeting it again begins anew.
      if (!this.#peers.isReachable(node)) return null
      const waitMs = this.#backOff.failed(node, reason)
      // Where a store takes nothing in there is nothing to be tried: its node says when it does.
      if (this.#routing.takesIn(node) && this.#routing.takesIn(this.#routing.self)) this.soon(node, waitMs)
    }
    return null
  }

  /** Partitions of a node that are here although this one does not own them, or not any more. */
  #leftFor(node: NodeId): readonly Partition[] {
    return this.#routing
      .ownedBy(node)
      .filter(
        (partition) =>
          !this.#routing.owns(partition) && (this.#replica.holds(partition) || this.#ownership.isRetained(partition)),
      )
  }

  /** Whether there is anything to exchange with a node. */
  #concerns(node: NodeId): boolean {
    const shared = this.#routing.sharedPartitions(this.#routing.self, node)
    return shared.length > 0 || this.#leftFor(node).length > 0 || this.#ownership.fetchingFrom(node).length > 0
  }

  /** Something of a partition was lost here: exchanges now with those of its owners that are in reach. */
  restore(partition: Partition): void {
    for (const owner of this.#routing.ownersOf(partition))
      if (owner !== this.#routing.self && this.#peers.isReachable(owner)) this.#exchange.now(owner).catch(() => {})
  }

  /** Follows a change of the member view: there may be much to exchange with every peer in reach. */
  follow(): void {
    this.#backOff.keep((node) => this.#routing.isPlaced(node))
    this.#exchange.underWay.keep((node) => this.#routing.claimOf(node) !== undefined)
    this.#followedAt = this.#clock.now()
    for (const node of this.#routing.others.filter((other) => this.#peers.isReachable(other))) {
      this.#exchange.underWay.began(node)
      this.soon(node)
    }
  }
}
