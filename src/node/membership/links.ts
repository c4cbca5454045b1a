/**
 * Which channels this node keeps: to its neighbours in the mesh, to those it talks to much, and no more than its share.
 *
 * Whoever is met once is introduced to everybody else by those it knows: no server is needed for that. Servers hear
 * of newcomers only; a few members stay with them, and the others look in now and then, in case those few cannot be
 * reached there.
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
/** How often all are asked to pass one on. */
const introductionRounds = 3

interface Traffic {
  since: number
  messages: number
}

export class Links {
  readonly #clock: Clock
  readonly #transport: Transport
  readonly #peers: Peers
  readonly #membership: Membership
  readonly #linksMax: number
  /** What went to members through others, lately. */
  readonly #traffic = new Map<NodeId, Traffic>()
  /** Members talked to much. */
  readonly #busy = new Set<NodeId>()
  /** How often an introduction to a peer has been begun anew: each time another member passes it on. */
  readonly #attempts = new Map<PeerId, number>()
  /** The last introductions, and how often each was not passed on. */
  readonly #refusals = new Map<string, number>()
  #visitUntil = 0
  /** Since when there has been a channel to somebody. */
  #meshedSince: number | null = null
  /** Something changed: looks after the links once, a moment later. */
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

  /** Looks after links and servers until the returned function is called. */
  start(chance: () => number): () => void {
    const stop = repeat(this.#clock, bounds.linkReviewMs, chance, async () => {
      // The more members there are, the less often each looks in: about one of them every `serverVisitMs`.
      const visits = bounds.linkReviewMs / (bounds.serverVisitMs * Math.max(1, this.#membership.awake.length))
      if (chance() < visits) this.#visitUntil = this.#clock.now() + bounds.serverStayMs
      this.#review()
    })
    return () => {
      this.#stopped = true
      stop()
    }
  }

  /** A message goes to a member, perhaps through another. */
  sent(node: NodeId): void {
    if (this.#peers.isConnected(node) || node === this.#membership.own.node) return
    const now = this.#clock.now()
    const traffic = this.#traffic.get(node)
    if (traffic === undefined || now - traffic.since > bounds.relayedToLinkMs) {
      this.#traffic.set(node, { since: now, messages: 1 })
      return
    }
    traffic.messages += 1
    if (traffic.messages < bounds.relayedToLink || this.#busy.has(node)) return
    this.#busy.add(node)
    this.changed()
  }

  /** Passes an introduction on: through a member that knows the peer, each attempt through another one. */
  introduce(to: PeerId, body: string): void {
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size >= refusalsMax && oldest !== undefined) this.#refusals.delete(oldest)
    this.#refusals.set(body, 0)
    this.#passOn(to, body)
  }

  #passOn(to: PeerId, body: string): void {
    const claim = [...this.#membership.view.values()].find(({ peer }) => peer === to)
    // Those first who should have a channel to it; and then everybody, for the mesh may still be forming.
    const likely = claim === undefined ? [] : this.#membership.mesh.relaysTo(this.#membership.own.node, claim.node)
    const { connected } = this.#peers
    const others = [...new Set([...likely, ...connected])].filter((node) => this.#peers.isConnected(node))
    const through = others[(this.#attempts.get(to) ?? 0) % Math.max(1, others.length)]
    if (through !== undefined) this.#peers.introduce(through, this.#transport.self, to, body)
  }

  /**
   * Whoever was to pass it on does not know the peer: asks the next one; and all again a moment later, for they are
   * meeting too.
   */
  introduceAgain(to: PeerId, body: string): void {
    const refused = this.#refusals.get(body)
    // What this node never sent is not passed on in its name.
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
   * Whether there may be a channel more, beside so many; if not, there may be in a moment, for the idlest are given
   * up.
   */
  admits(channels: number): boolean {
    if (channels < this.#linksMax) return true
    this.#closeIdlest(this.#wanted())
    return false
  }

  /** Members to have channels to: neighbours, and those talked to much as far as there is room. */
  #wanted(): ReadonlyMap<NodeId, PeerId> {
    const { own, view, neighbours } = this.#membership
    const room = Math.max(0, this.#linksMax - bounds.linksSpare - neighbours.size)
    for (const node of [...this.#busy].slice(0, Math.max(0, this.#busy.size - room))) {
      this.#busy.delete(node)
      this.#traffic.delete(node)
    }
    const wanted = new Map<NodeId, PeerId>()
    for (const node of [...neighbours, ...this.#busy]) {
      const claim = view.get(node)
      if (claim !== undefined && isAwake(claim) && node !== own.node) wanted.set(node, claim.peer)
    }
    return wanted
  }

  /** Forgets what went to members long ago, or to those who are none any more. */
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

  /** A few members stay with the servers, those whose ids come first; and whoever is alone, or looks in. */
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
   * Closes channels that are not wanted, the longest unused first, until there are some to spare. Not for those that
   * are wanted and not open yet: it may be through the others that they will be.
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
