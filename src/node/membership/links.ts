/**
 * Links: the channels this node keeps (not in the paper).
 *
 * It keeps channels to its neighbours in the mesh and to members it talks to much, up to its share. A node that has met
 * one member is introduced to all others by members, without a server. Servers are needed only for newcomers. A few
 * members stay connected to the servers. The others visit from time to time, in case those few cannot be reached there.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, PeerId } from '../../core/ids.ts'
import { isAwake } from '../../core/membership/member-list.ts'
import type { Clock, Transport } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import { debounced, repeat } from '../scheduling/timers.ts'
import type { Membership } from './membership.ts'

/** Introductions that are remembered, so that none goes round for ever. */
const refusalsMax = 1024
/** Rounds in which every connected member is asked to pass an introduction on. */
const introductionRounds = 3

interface Traffic {
  /** The time of the first of these messages. In the future for a member that rests. */
  since: number
  messages: number
}

export class Links {
  readonly #clock: Clock
  readonly #transport: Transport
  readonly #peers: Peers
  readonly #membership: Membership
  readonly #linksMax: number
  /** By member: recent messages to it that went through a relay. */
  readonly #traffic = new Map<NodeId, Traffic>()
  /** Members that this node talks to much. */
  readonly #busy = new Set<NodeId>()
  /** By peer: failed introductions. Each attempt goes through another member. */
  readonly #attempts = new Map<PeerId, number>()
  /** The last introductions: by body, the number of times that it was not passed on. */
  readonly #refusals = new Map<string, number>()
  #visitUntil = 0
  /** The time since which this node has had a channel to any member. */
  #meshedSince: number | null = null
  /** The links or members have changed: reviews the links once, a moment later. */
  readonly changed: () => void
  #stopped = false

  constructor(clock: Clock, transport: Transport, peers: Peers, membership: Membership, linksMax: number) {
    this.#clock = clock
    this.#transport = transport
    this.#peers = peers
    this.#membership = membership
    this.#linksMax = linksMax
    this.changed = debounced(clock, bounds.exchangeSettleMs, () => {
      if (!this.#stopped) this.#review()
    })
  }

  /** Reviews links and servers until the returned function is called. */
  start(chance: () => number): () => void {
    const stop = repeat(this.#clock, bounds.linkReviewMs, chance, async () => {
      // The more members there are, the less often each visits: about one of them every `serverVisitMs`.
      const visits = bounds.linkReviewMs / (bounds.serverVisitMs * Math.max(1, this.#membership.awake.length))
      if (chance() < visits) this.#visitUntil = this.#clock.now() + bounds.serverStayMs
      this.#review()
    })
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** A message goes to a member, perhaps through a relay. */
  sent(node: NodeId): void {
    if (this.#peers.isConnected(node) || node === this.#membership.own.node) return
    const now = this.#clock.now()
    const traffic = this.#traffic.get(node)
    if (traffic === undefined || now - traffic.since > bounds.relayedToLinkMs) {
      this.#traffic.set(node, { since: now, messages: 1 })
      return
    }
    if (traffic.since > now) return
    traffic.messages += 1
    if (traffic.messages < bounds.relayedToLink || this.#busy.has(node)) return
    this.#busy.add(node)
    this.changed()
  }

  /**
   * A channel to a member was given up, at either end. The member rests: for a while no traffic with it opens another.
   * Otherwise two members of which only one wants the channel would open and close it without end.
   */
  parted(node: NodeId): void {
    this.#busy.delete(node)
    this.#traffic.set(node, { since: this.#clock.now() + bounds.linkRestMs, messages: 0 })
  }

  /** Sends an introduction to a peer through a member that should know it. Each attempt goes through another member. */
  introduce(to: PeerId, body: string): void {
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size >= refusalsMax && oldest !== undefined) this.#refusals.delete(oldest)
    this.#refusals.set(body, 0)
    this.#passOn(to, body)
  }

  #passOn(to: PeerId, body: string): void {
    const claim = [...this.#membership.view.values()].find(({ peer }) => peer === to)
    // Members that should have a channel to the peer come first. The mesh may still be forming, so all others follow.
    const likely = claim === undefined ? [] : this.#membership.mesh.relaysTo(this.#membership.own.node, claim.node)
    const { connected } = this.#peers
    const others = [...new Set([...likely, ...connected])].filter((node) => this.#peers.isConnected(node))
    const through = others[(this.#attempts.get(to) ?? 0) % Math.max(1, others.length)]
    if (through !== undefined) this.#peers.introduce(through, this.#transport.self, to, body)
  }

  /**
   * The relay has no channel to that peer. Tries the next relay. After a full round it waits and starts over, since
   * they may be connecting.
   */
  introduceAgain(to: PeerId, body: string): void {
    const refused = this.#refusals.get(body)
    // An introduction that this node never sent is not passed on in its name.
    if (refused === undefined) return
    const tries = refused + 1
    this.#refusals.set(body, tries)
    const others = Math.max(1, this.#peers.connected.length)
    if (tries >= introductionRounds * others) return
    this.failed(to)
    const pauseMs = tries % others === 0 ? bounds.inviteMs : 0
    this.#clock.after(pauseMs, () => this.#passOn(to, body))
  }

  /** An attempt to reach a peer has failed. */
  failed(peer: PeerId): void {
    this.#attempts.set(peer, (this.#attempts.get(peer) ?? 0) + 1)
  }

  /**
   * True if one more channel may be opened beside so many. If not, the idlest are closed, so there may be room in a
   * moment.
   */
  admits(channels: number): boolean {
    if (channels < this.#linksMax) return true
    this.#closeIdlest(this.#wanted())
    return false
  }

  /** Members to keep channels to: the neighbours, and busy members as far as there is room. */
  #wanted(): ReadonlyMap<NodeId, PeerId> {
    const { own, view, neighbours } = this.#membership
    const room = Math.max(0, this.#linksMax - bounds.linksSpare - neighbours.size)
    for (const node of [...this.#busy].slice(0, Math.max(0, this.#busy.size - room))) this.parted(node)
    const wanted = new Map<NodeId, PeerId>()
    for (const node of [...neighbours, ...this.#busy]) {
      const claim = view.get(node)
      if (claim !== undefined && isAwake(claim) && node !== own.node) wanted.set(node, claim.peer)
    }
    return wanted
  }

  /** Forgets old traffic, and traffic with nodes that are no members any more. */
  #forget(): void {
    const { view } = this.#membership
    for (const node of this.#busy) if (!view.has(node)) this.#busy.delete(node)
    const isOld = (since: number) => this.#clock.now() - since > bounds.relayedToLinkMs
    for (const [node, { since }] of this.#traffic) if (isOld(since) && !this.#busy.has(node)) this.#traffic.delete(node)
  }

  #review(): void {
    this.#forget()
    const wanted = this.#wanted()
    this.#closeIdlest(wanted)
    const peers = new Set(wanted.values())
    this.#transport.want(peers)
    for (const peer of this.#attempts.keys()) if (!peers.has(peer)) this.#attempts.delete(peer)
    this.#transport.listen(this.#shouldListen() ? 'always' : 'not now')
  }

  /**
   * True for a node that has no channels, or has its first ones, and during a visit. True for the few awake members
   * with the lowest ids. True for all others if none of those few is within reach.
   */
  #shouldListen(): boolean {
    const { own } = this.#membership
    const now = this.#clock.now()
    if (this.#peers.connected.length === 0) this.#meshedSince = null
    else this.#meshedSince ??= now
    if (this.#meshedSince === null || now < this.#meshedSince + bounds.serverLeaveMs || now < this.#visitUntil)
      return true
    const awake = [...this.#membership.awake].sort().slice(0, bounds.listeners)
    return awake.includes(own.node) || !awake.some((node) => this.#peers.isReachable(node))
  }

  /**
   * Closes unwanted channels, the longest unused first, until some are to spare. A channel that is wanted and not open
   * yet closes none: it may be introduced through one of these.
   */
  #closeIdlest(wanted: ReadonlyMap<NodeId, PeerId>): void {
    const { connected } = this.#peers
    const idle = connected
      .filter((node) => !wanted.has(node))
      .sort((a, b) => this.#peers.heardAt(a) - this.#peers.heardAt(b))
    for (const node of idle.slice(0, Math.max(0, connected.length + bounds.linksSpare - this.#linksMax)))
      this.#peers.part(node)
  }
}
