/**
 * Assembly: builds every part of a storage node, each from those above it, and says whom each part tells of what.
 *
 * What a part tells goes to parts that are built after it: they are looked up when it is told, never while the parts
 * are built. Nothing runs before `start`, which a node calls once it has all of them.
 */

import { tagOf } from '../core/hash.ts'
import type { NodeId } from '../core/ids.ts'
import type { place } from '../core/partitioning/placement.ts'
import { type Clock, chanceOf, type Ports } from '../ports.ts'
import { Exchange } from './anti-entropy/exchange.ts'
import { RepairLog } from './anti-entropy/exchange-log.ts'
import { ExchangeSchedule } from './anti-entropy/exchange-schedule.ts'
import { Reconciling } from './anti-entropy/reconciliation.ts'
import { Scrub } from './anti-entropy/scrub.ts'
import type { CheckedConfig } from './api/config.ts'
import { Events } from './api/events.ts'
import { ValueCodec } from './api/value-codec.ts'
import type { Coordination } from './coordination/coordinator.ts'
import { DotMint, mintActor } from './coordination/dot-mint.ts'
import { Crowding, type OrdinaryPut } from './coordination/sibling-cap.ts'
import { Author } from './coordination/write-stamp.ts'
import { Forgetting } from './forgetting/forgetting.ts'
import { LateWrites } from './forgetting/late-writes.ts'
import { HintedHandoff } from './handoff/hinted-handoff.ts'
import type { Self } from './membership/boot.ts'
import { Room } from './membership/capacity.ts'
import { Joining } from './membership/joined.ts'
import type { Membership } from './membership/membership.ts'
import type { Peers } from './network/peers.ts'
import { Ownership } from './ownership/ownership.ts'
import { Progress } from './ownership/progress.ts'
import type { Routing } from './ownership/routing.ts'
import { Presence, type Present } from './reactions.ts'
import { FlushingStore } from './storage/flushing-store.ts'
import { Replica } from './storage/replica.ts'
import type { ReplicaHandlers } from './storage/replica-port.ts'
import { Pace } from './transfer/throttle.ts'

export class Assembly {
  readonly events: Events = new Events()
  readonly values: ValueCodec = new ValueCodec()
  readonly author: Author
  readonly pace: Pace
  readonly joining: Joining
  readonly log: RepairLog
  readonly presence: Presence
  readonly peers: Peers
  readonly membership: Membership
  readonly routing: Routing
  readonly progress: Progress
  readonly replica: Replica
  readonly crowding: Crowding
  readonly ownership: Ownership
  readonly forgetting: Forgetting
  readonly reconciling: Reconciling
  readonly exchange: Exchange
  readonly schedule: ExchangeSchedule
  readonly room: Room
  readonly scrub: Scrub
  readonly handoff: HintedHandoff
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #late: LateWrites

  /** `node` is the one whose parts these are, and `put` its ordinary put. */
  constructor(
    ports: Ports,
    config: CheckedConfig,
    self: Self,
    [standing, absent, ...known]: readonly (Uint8Array | undefined)[],
    placing: typeof place | undefined,
    node: Coordination & Present,
    put: OrdinaryPut,
  ) {
    const { clock, random } = ports
    const chance = () => chanceOf(random)
    this.#clock = clock
    this.#chance = chance
    const { events } = this
    const boot = mintActor(random)
    this.author = new Author(clock, new DotMint(random, boot, config.retentionMs / 2))
    this.pace = new Pace(clock)
    this.joining = new Joining(clock, events)
    this.log = new RepairLog(clock, events)
    const booting = { self, actor: boot, cluster: tagOf(config.cluster) }
    this.presence = new Presence(ports, config, booting, chance, placing, node)
    const { peers, membership, routing, retention } = this.presence
    this.peers = peers
    this.membership = membership
    this.routing = routing
    const isReachable = (peer: NodeId) => peers.isReachable(peer)
    const store = new FlushingStore(ports.store)
    const decode = (value: Uint8Array) => this.values.decode(value)
    this.#late = new LateWrites(clock, events, decode)
    const progress = new Progress(store, clock, routing, retention, self.boot, known)
    this.progress = progress
    const replica = new Replica(store, routing, clock, config, progress, this.#replicaHandlers(self.own.node))
    this.replica = replica
    this.crowding = new Crowding(node, config, put, decode)
    const ownership = new Ownership(store, routing, standing, clock, isReachable, () => this.#inSync())
    this.ownership = ownership
    this.forgetting = new Forgetting(store, clock, routing, retention, ownership, progress, absent)
    this.reconciling = new Reconciling(clock, peers, routing, replica, boot)
    const kept = [ownership, replica, this.reconciling, this.log, this.pace] as const
    this.exchange = new Exchange(clock, peers, routing, ...kept, this.forgetting, progress, {
      settled: (peer) => void this.handoff.deliverTo(peer),
      dropped: () => this.room.madeRoom(),
      views: membership,
    })
    const scheduled = [ownership, replica, membership, this.exchange] as const
    this.schedule = new ExchangeSchedule(clock, chance, peers, routing, ...scheduled)
    this.room = new Room(store, clock, chance, membership, replica, config.n, events, {
      recovered: () => this.schedule.recovered(),
      givenUp: () => node.lost('storage-failed'),
    })
    this.scrub = new Scrub(replica, this.log)
    const handing = [replica, this.exchange, this.pace, events] as const
    this.handoff = new HintedHandoff(clock, chance, peers, routing, ...handing, config.hintPartBytes)
  }

  #replicaHandlers(self: NodeId): ReplicaHandlers {
    return {
      corrupt: () => this.events.emit('data-loss', { reason: 'corrupt', previousId: self }),
      timeSeen: (time) => this.author.saw(time),
      written: (partition) => {
        this.progress.changed(partition)
        // What a node takes alone others lack.
        if (this.routing.others.length === 0) this.membership.settle()
      },
      lost: (partition, how) => {
        this.forgetting.lost(partition)
        return [this.progress.lost(partition, how), ...this.ownership.lost(partition, how)]
      },
      stamp: () => this.progress.stamp,
      late: (key, siblings) => this.#late.tell(key, siblings),
      storageWas: (state) => this.room.storageWas(state),
      crowded: (key, siblings) => void this.crowding.noticed(key, siblings),
    }
  }

  #inSync(): void {
    if (this.ownership.syncing.length === 0) this.membership.settle()
    this.joining.review()
  }

  /** Starts what runs now and then, until the returned functions are called. */
  start(): readonly (() => void)[] {
    const clock = this.#clock
    const chance = this.#chance
    return [
      ...this.presence.start(chance),
      this.schedule.start(),
      this.handoff.start(clock, chance),
      this.room.start(chance),
      this.forgetting.start(chance),
      this.scrub.keepStored(clock, chance),
      this.scrub.start(clock, chance, (partition) => this.schedule.restore(partition)),
    ]
  }
}
