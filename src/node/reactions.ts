/**
 * This node among the others (Dynamo, section 4.8): whom it knows, whom it reaches, and what follows from a change of
 * either.
 *
 * A change of placement moves ownership. Whoever comes within reach is exchanged with and gets its hints. And when
 * this tab has been asleep, it says that it is awake, and what it holds counts again when it has caught up with the
 * others.
 */

import { bounds } from '../core/bounds.ts'
import type { ActorId, NodeId, PeerId } from '../core/ids.ts'
import type { Claim } from '../core/membership/claims.ts'
import { swimDefaults } from '../core/membership/swim-port.ts'
import type { place } from '../core/partitioning/placement.ts'
import type { Reply, Request } from '../core/wire/messages.ts'
import type { Ports } from '../ports.ts'
import type { Exchange } from './anti-entropy/exchange.ts'
import type { ExchangeSchedule } from './anti-entropy/exchange-schedule.ts'
import type { Reconciling } from './anti-entropy/reconciliation.ts'
import type { CheckedConfig } from './api/config.ts'
import type { NodeEvents } from './api/tabring-node.ts'
import type { HintedHandoff } from './handoff/hinted-handoff.ts'
import { rememberMembers, type Self } from './membership/boot.ts'
import { Stay } from './membership/guest.ts'
import type { Joining } from './membership/joined.ts'
import { Links } from './membership/links.ts'
import { Membership } from './membership/membership.ts'
import { Heartbeat } from './membership/sleep-detector.ts'
import { helloOf } from './network/handshake.ts'
import { Peers } from './network/peers.ts'
import type { PeersHandlers } from './network/peers-port.ts'
import { Reach } from './network/reachability.ts'
import type { Ownership } from './ownership/ownership.ts'
import { Retention } from './ownership/retention.ts'
import { Routing } from './ownership/routing.ts'
import { gathered } from './scheduling/timers.ts'

/** The node whose presence this is. */
export interface Present {
  readonly ownership: Ownership
  readonly exchange: Exchange
  readonly schedule: ExchangeSchedule
  readonly reconciling: Reconciling
  readonly handoff: HintedHandoff
  readonly joining: Joining
  readonly isOpen: boolean
  /** It is leaving and takes nothing in any more. */
  readonly isClosing: boolean
  serve(from: NodeId, request: Request): Promise<Reply>
  membersChanged(): void
  /** It ends at once, and comes back as another node. */
  lost(reason: NodeEvents['data-loss']['reason']): void
}

/** What a node is when it boots. */
export interface Boot {
  readonly self: Self
  readonly actor: ActorId
  /** Tag of the cluster's name. */
  readonly cluster: string
}

export class Presence {
  readonly peers: Peers
  readonly membership: Membership
  readonly routing: Routing
  /** For how long the ring waits before it forgets. */
  readonly retention: Retention
  readonly #ports: Ports
  readonly #node: Present
  readonly #links: Links
  readonly #reach: Reach
  readonly #heartbeat: Heartbeat
  readonly #stay: Stay
  /** Claims of a list that is being taken in. */
  #gathered: Claim[] | null = null
  /** Keeps the member list, once for many changes. */
  readonly #remember: () => void

  constructor(
    ports: Ports,
    config: CheckedConfig,
    boot: Boot,
    chance: () => number,
    placing: typeof place | undefined,
    node: Present,
  ) {
    const { clock, transport } = ports
    this.#ports = ports
    this.#node = node
    this.retention = new Retention(config.retentionMs)
    this.#remember = gathered(clock, bounds.rememberMs, () => {
      if (node.isOpen) void this.#rememberNow()
    })
    const { own } = boot.self
    const hello = helloOf(boot.cluster, config, this.retention, () => node.ownership.held, own.node, boot.actor)
    this.peers = new Peers(transport, clock, hello, () => this.routing.hash, this.#handlers())
    this.membership = new Membership(
      this.peers,
      clock,
      chance,
      boot.self,
      { ...swimDefaults, ...config.timing, graceMs: config.graceMs },
      {
        changed: (claim) => this.#claimed(claim),
        together: (work) => this.#together(work),
        wasOut: () => this.#missedSomething(),
        copied: (peer) => this.#copied(peer),
        placed: () => this.routing.hash,
      },
    )
    this.routing = new Routing(own.node, this.membership.view, config.n, placing)
    this.#links = new Links(clock, transport, this.peers, this.membership, swimDefaults.linksMax)
    this.#stay = new Stay(clock, this.membership, config.n, config.stayMs, () => this.#rememberNow())
    this.#reach = new Reach(this.peers, (peer) => this.#came(peer))
    const isAway = () => node.isOpen && this.membership.own.status === 'away'
    this.#heartbeat = new Heartbeat(clock, isAway, () => this.#woke())
  }

  /** Begins, when the node is whole, until the returned functions are called. */
  start(chance: () => number): readonly (() => void)[] {
    this.routing.onChange(() => this.#placementChanged())
    this.#stay.begin()
    const stops = [this.membership.start(), this.#links.start(chance), this.#heartbeat.start(chance)]
    return [...stops, () => this.#stay.end()]
  }

  /** Meets the others; and follows the tab's life. */
  open(): void {
    const { lifecycle } = this.#ports
    this.peers.start()
    lifecycle.onSleep(() => this.membership.sleep())
    lifecycle.onSuspend(() => {
      this.membership.sleep()
      this.peers.close()
    })
    lifecycle.onResume(() => {
      if (!this.#node.isOpen) return
      this.peers.start()
      this.#woke()
    })
  }

  /** Somebody looks at the clocks. */
  look(): void {
    this.#heartbeat.look()
  }

  /** A request goes to a node. */
  asks(node: NodeId): void {
    this.#links.sent(node)
  }

  #handlers(): PeersHandlers {
    const node = this.#node
    return {
      serve: (from, request) => {
        this.look()
        return node.serve(from, request)
      },
      met: (peer, { retentionMs, held }) => {
        this.retention.heard(retentionMs)
        node.ownership.met(peer, held)
        this.#met(peer)
      },
      closed: (peer, how) => {
        if (how === 'lost') this.membership.suspect(peer)
        this.#reachChanged(peer)
      },
      answering: (peer) => this.#reachChanged(peer),
      viewSeen: (peer, view) => {
        this.membership.seen(peer, view)
        node.schedule.viewSeen(peer)
      },
      swim: (from, message) => {
        this.look()
        this.membership.received(from, message)
      },
      statusOf: (peer) => this.membership.view.get(peer)?.status,
      relaysTo: (peer) => this.#links.relaysTo(peer),
      connectionFailed: (peer, reason) => {
        this.#links.failed(peer)
        node.joining.connectionFailed(peer, reason)
      },
      copied: (peer) => this.#copied(peer),
      refused: (peer, reason) => node.joining.refused(peer, reason),
      signaling: (event) => node.joining.signaling(event),
      admits: (channels) => this.#links.admits(channels),
      introduce: (to, body) => this.#links.introduce(this.#ports.transport.self, to, body),
      notIntroduced: (to, body) => this.#links.introduceAgain(this.#ports.transport.self, to, body),
    }
  }

  /** A node has said hello: lists are exchanged, whatever was believed of it. */
  #met(node: NodeId): void {
    this.#node.joining.met()
    void this.membership.pushPull(node).then(() => {
      this.#stay.met()
      this.#reach.renew([node])
    })
    this.#links.changed()
    this.#node.membersChanged()
  }

  #reachChanged(node: NodeId): void {
    this.#reach.review(node)
    this.#links.changed()
    this.#node.membersChanged()
  }

  /** A node has come within reach, and may have missed something, or this node may. */
  #came(node: NodeId): void {
    const { schedule, handoff, reconciling } = this.#node
    reconciling.parted(node)
    // Hints of what this node owns too are brought home by an exchange, of this node or the other, and only struck
    // off after.
    const waits = this.routing.dueTo(node, this.routing.self).length > 0
    handoff.met(node)
    schedule.met(node, () => void (waits || handoff.deliverTo(node)))
  }

  /** What is believed of a member has changed. */
  #claimed(claim: Claim): void {
    if (this.#gathered === null) this.#follow([claim])
    else this.#gathered.push(claim)
  }

  /** What is believed of many members may change: what follows from that comes once, after. */
  #together(work: () => void): void {
    const gathered: Claim[] = []
    this.#gathered = gathered
    try {
      work()
    } finally {
      this.#gathered = null
      if (gathered.length > 0) this.#follow(gathered)
    }
  }

  #follow(claims: readonly Claim[]): void {
    this.routing.follow(this.membership.view, claims)
    this.#links.changed()
    this.#stay.changed()
    for (const { node, status } of claims) {
      // A word of its being alive comes when it has been doubted, or asleep: it may have missed something.
      if (status === 'alive' && node !== this.routing.self) this.#reach.renew([node])
      else this.#reach.review(node)
    }
    this.#remember()
    if (this.membership.hasLeft && !this.#node.isClosing) void this.#leftBefore()
    this.#node.membersChanged()
  }

  async #leftBefore(): Promise<void> {
    await this.#rememberNow()
    this.#node.lost('evicted')
  }

  /**
   * The profile was copied, and another boot lives under this node's name: one of the two becomes another node. The
   * one that stays may lack what the other acknowledged in its name.
   */
  #copied(peer: PeerId): void {
    if (this.#ports.transport.self < peer) this.#node.lost('copied')
    else this.#missedSomething()
  }

  async #rememberNow(): Promise<void> {
    await rememberMembers(this.#ports.store, this.routing.claims).catch(() => {})
  }

  #placementChanged(): void {
    const { ownership, exchange, schedule, handoff } = this.#node
    ownership.follow()
    exchange.follow()
    schedule.follow()
    // Hints for those who own nothing any more, or have left, are owed to others now.
    void handoff.sweep()
  }

  #woke(): void {
    if (!this.#node.isOpen || this.#node.isClosing) return
    this.#stay.begin()
    this.membership.wake()
    for (const node of this.peers.connected) void this.membership.pushPull(node)
    this.#missedSomething()
    this.#node.membersChanged()
  }

  /** What is here may be out of date: it counts again when it has been compared with the others. */
  #missedSomething(): void {
    this.#node.exchange.wasAway()
    this.#node.ownership.doubt()
    this.#reach.renew(this.routing.others)
  }
}
