/**
 * Assembly: builds the parts of a storage node, the lowest floor first (not in the paper).
 *
 * Each part is given parts that exist already. None starts, sends or calls back while it is built. The reactions of one
 * part to another stand in `reactions.ts`.
 */
import { tagOf } from '../core/hash.ts'
import type { ActorId } from '../core/ids.ts'
import { MemberList } from '../core/membership/member-list.ts'
import { swimDefaults } from '../core/membership/swim-port.ts'
import type { place } from '../core/partitioning/placement.ts'
import { chanceOf, type Ports } from '../ports.ts'
import { Exchange } from './anti-entropy/exchange.ts'
import { ExchangeLog } from './anti-entropy/exchange-log.ts'
import { ExchangeSchedule } from './anti-entropy/exchange-schedule.ts'
import { Reconciliations } from './anti-entropy/reconciliation.ts'
import { RecordSync } from './anti-entropy/record-sync.ts'
import { Scrub } from './anti-entropy/scrub.ts'
import type { CheckedConfig } from './api/config.ts'
import { Events } from './api/events.ts'
import { Lifetime } from './api/lifetime.ts'
import { Trace } from './api/trace.ts'
import { ValueCodec } from './api/value-codec.ts'
import { Coordinator } from './coordination/coordinator.ts'
import { DotMint, mintActor } from './coordination/dot-mint.ts'
import { SiblingCap } from './coordination/sibling-cap.ts'
import { WriteStamp } from './coordination/write-stamp.ts'
import { Followers } from './following/followers.ts'
import { ViewEvents } from './following/view-events.ts'
import { Forgetting } from './forgetting/forgetting.ts'
import { LateWrites } from './forgetting/late-writes.ts'
import { HintedHandoff } from './handoff/hinted-handoff.ts'
import type { Self } from './membership/boot.ts'
import { Capacity } from './membership/capacity.ts'
import { Guest } from './membership/guest.ts'
import { Joined } from './membership/joined.ts'
import { Links } from './membership/links.ts'
import { Membership } from './membership/membership.ts'
import { SleepDetector } from './membership/sleep-detector.ts'
import { helloOf } from './network/handshake.ts'
import { Peers } from './network/peers.ts'
import { Reachability } from './network/reachability.ts'
import { Ownership } from './ownership/ownership.ts'
import { Progress } from './ownership/progress.ts'
import { Retention } from './ownership/retention.ts'
import { Routing } from './ownership/routing.ts'
import { Listing } from './scanning/listing.ts'
import { HybridClock } from './scheduling/hybrid-clock.ts'
import { FlushingStore } from './storage/flushing-store.ts'
import { Replica } from './storage/replica.ts'
import { Throttle } from './transfer/throttle.ts'

/** The parts of one node. */
export type Parts = Local & Network & Work

/** The bottom of a node: its state, and its store. It needs no other node. */
interface Local {
  readonly ports: Ports
  readonly config: CheckedConfig
  readonly chance: () => number
  readonly events: Events
  readonly trace: Trace
  readonly lifetime: Lifetime
  readonly values: ValueCodec
  readonly hybrid: HybridClock
  readonly members: MemberList
  readonly routing: Routing
  readonly retention: Retention
  readonly ownership: Ownership
  readonly progress: Progress
  readonly forgetting: Forgetting
  readonly store: FlushingStore
  readonly replica: Replica
}

/** The parts that know other nodes, and reach them. */
interface Network {
  readonly peers: Peers
  readonly reachability: Reachability
  readonly membership: Membership
  readonly links: Links
  readonly guest: Guest
  readonly sleepDetector: SleepDetector
  readonly capacity: Capacity
  readonly joined: Joined
}

/** The parts that coordinate requests and move records. */
interface Work {
  readonly throttle: Throttle
  readonly coordinator: Coordinator
  readonly listing: Listing
  readonly followers: Followers
  readonly views: ViewEvents
  readonly siblingCap: SiblingCap
  readonly log: ExchangeLog
  readonly reconciliations: Reconciliations
  readonly exchange: Exchange
  readonly schedule: ExchangeSchedule
  readonly scrub: Scrub
  readonly handoff: HintedHandoff
}

/** Rows of an earlier boot, read from the store before the node is built. Undefined if there is none. */
export interface Saved {
  readonly ownership: Uint8Array | undefined
  readonly absences: Uint8Array | undefined
  readonly progress: readonly (Uint8Array | undefined)[]
}

/** Builds all parts. `placing` may remember placements that nodes of one process share. */
export function assemble(
  ports: Ports,
  config: CheckedConfig,
  self: Self,
  saved: Saved,
  placing: typeof place | undefined,
): Parts {
  const actor = mintActor(ports.random)
  const local = localParts(ports, config, self, saved, placing)
  const network = networkParts(local, actor)
  return { ...local, ...network, ...workParts(local, network, actor) }
}

function localParts(
  ports: Ports,
  config: CheckedConfig,
  { own, known, boot }: Self,
  saved: Saved,
  placing: typeof place | undefined,
): Local {
  const { clock } = ports
  const [events, trace, values, hybrid] = [new Events(), new Trace(clock), new ValueCodec(), new HybridClock(clock)]
  const members = new MemberList(own, known, clock.now(), config.linksMax)
  const routing = new Routing(own.node, members.view, config.n, placing)
  const retention = new Retention(config.retentionMs)
  const store = new FlushingStore(ports.store, events.trouble, trace)
  const ownership = new Ownership(store, routing, saved.ownership, clock)
  const progress = new Progress(store, clock, routing, retention, { boot, saved: saved.progress })
  const forgetting = new Forgetting({ store, clock, routing, retention, ownership, progress }, saved.absences)
  const late = new LateWrites(clock, events, values)
  const replica = new Replica({ store, routing, clock, hybrid, limits: config, progress, forgetting, late })
  return {
    ports,
    config,
    chance: () => chanceOf(ports.random),
    events,
    trace,
    lifetime: new Lifetime(),
    values,
    hybrid,
    members,
    routing,
    retention,
    ownership,
    progress,
    forgetting,
    store,
    replica,
  }
}

function networkParts(local: Local, actor: ActorId): Network {
  const { ports, config, chance, events, members, routing, store, replica } = local
  const { clock, transport } = ports
  const hello = helloOf(tagOf(config.cluster), config, local.retention, local.ownership, routing.self, actor)
  const peers = new Peers(transport, clock, hello, members, routing)
  const options = { ...swimDefaults, ...config.timing, graceMs: config.graceMs, linksMax: config.linksMax }
  const membership = new Membership({ clock, chance, peers, members, routing }, options)
  return {
    peers,
    reachability: new Reachability(peers),
    membership,
    links: new Links(clock, transport, peers, membership, options.linksMax),
    guest: new Guest(clock, membership, config.n, config.stayMs),
    sleepDetector: new SleepDetector(clock, membership),
    capacity: new Capacity({ store, clock, chance, membership, replica, n: config.n, events }),
    joined: new Joined(clock, events),
  }
}

function workParts(local: Local, network: Network, actor: ActorId): Work {
  const { ports, config, chance, events, trace, values, hybrid, routing } = local
  const { ownership, progress, forgetting, replica } = local
  const { peers, membership, links } = network
  const { clock, random } = ports
  const writeStamp = new WriteStamp(clock, hybrid, new DotMint(random, actor, config.retentionMs / 2))
  const coordinator = new Coordinator({ clock, routing, peers, replica, links, writeStamp, events, trace })
  const throttle = new Throttle(clock)
  const log = new ExchangeLog(clock, events, trace)
  const reconciliations = new Reconciliations(clock, peers, routing, replica, actor)
  const recordSync = new RecordSync(peers, replica, throttle, routing)
  const exchange = new Exchange({
    peers,
    routing,
    membership,
    ownership,
    progress,
    forgetting,
    replica,
    reconciliations,
    recordSync,
    log,
  })
  return {
    throttle,
    coordinator,
    listing: new Listing(replica),
    followers: new Followers(routing.self, clock, peers, replica),
    views: new ViewEvents(),
    siblingCap: new SiblingCap(coordinator, config, values),
    log,
    reconciliations,
    exchange,
    schedule: new ExchangeSchedule({ clock, chance, peers, routing, membership, ownership, replica, exchange }),
    scrub: new Scrub(replica, log),
    handoff: new HintedHandoff({
      clock,
      chance,
      peers,
      routing,
      replica,
      throttle,
      events,
      trace,
      partBytes: config.hintPartBytes,
    }),
  }
}

/** Starts all regular work. Each returned function ends some of it. */
export function start(parts: Parts): readonly (() => void)[] {
  const { ports, chance } = parts
  const { clock } = ports
  parts.ownership.begin()
  parts.guest.begin()
  return [
    parts.membership.start(),
    parts.links.start(chance),
    parts.sleepDetector.start(chance),
    () => parts.guest.end(),
    parts.schedule.start(),
    parts.handoff.start(clock, chance),
    parts.capacity.start(chance),
    parts.forgetting.start(chance),
    parts.scrub.keepStored(clock, chance),
    parts.scrub.start(clock, chance),
  ]
}
