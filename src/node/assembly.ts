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
import type { CheckedConfig } from './arguments.ts'
import { Author } from './author.ts'
import { Crowding, type OrdinaryPut } from './crowding.ts'
import { DotMint, mintActor } from './dot-mint.ts'
import { Events } from './events.ts'
import { Exchange } from './exchange.ts'
import { ExchangeSchedule } from './exchange-schedule.ts'
import { FlushingStore } from './flushing-store.ts'
import { Forgetting } from './forgetting.ts'
import { HintedHandoff } from './hinted-handoff.ts'
import { Joining } from './joining.ts'
import { LateWrites } from './late-writes.ts'
import type { Membership } from './membership.ts'
import { Ownership } from './ownership.ts'
import { Pace } from './pace.ts'
import type { Peers } from './peers.ts'
import { Presence, type Present } from './presence.ts'
import { Progress } from './progress.ts'
import { Reconciling } from './reconciling.ts'
import { RepairLog } from './repair-log.ts'
import { Replica } from './replica.ts'
import type { ReplicaHandlers } from './replica-port.ts'
import { Room } from './room.ts'
import type { Routing } from './routing.ts'
import { Scrub } from './scrub.ts'
import type { Self } from './self.ts'
import { ValueCodec } from './value-codec.ts'
import type { Coordination } from './write.ts'

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
