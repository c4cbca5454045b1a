/**
 * Peers: the other nodes within reach, their handshake, and requests to them (Dynamo, section 4.8.3: local failure).
 *
 * A node is reachable if it is believed awake, and this node or a relay has a channel to it. A request unanswered for
 * two seconds makes it unreachable, until it is heard again; requests under way wait on. A suspect is reachable if it
 * was heard a moment ago: then the accuser's line is bad. Malformed bytes end the channel they came over.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, PeerId } from '../../core/ids.ts'
import type { MemberList } from '../../core/membership/member-list.ts'
import type { SwimMessage } from '../../core/membership/swim-port.ts'
import { decodeMessage, encodeMessage } from '../../core/wire/message-codec.ts'
import type { Hello, Message, Reply, Request } from '../../core/wire/messages.ts'
import type { Clock, CloseReason, Lane, Transport } from '../../ports.ts'
import type { Routing } from '../ownership/routing.ts'
import { deferred, timedOut, within } from '../scheduling/timers.ts'
import { type Channel, isCopy, mismatch } from './handshake.ts'
import { judged, Patience, type Waiting } from './patience.ts'
import { PeersEvents } from './peers-events.ts'
import { Relay } from './relay.ts'
import { Replies } from './replies.ts'
import { RequestFailure } from './request-failure.ts'
import { Unrelayed } from './unrelayed.ts'

/** Replies that may be large. */
const repliesWithValues: readonly Reply['type'][] = ['record', 'records', 'reconciled', 'taken']

/** The members in this node's view, and the mesh of their links. */
type Members = Pick<MemberList, 'self' | 'view' | 'mesh'>

type Talk = Extract<Message, { kind: 'request' | 'reply' }>

export class Peers {
  readonly on: PeersEvents = new PeersEvents()
  readonly patience: Patience
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #hello: Hello
  readonly #members: Members
  readonly #routing: Pick<Routing, 'hash'>
  readonly #channels = new Map<PeerId, Channel>()
  readonly #byNode = new Map<NodeId, Channel>()
  readonly #replies = new Replies()
  readonly #relay = new Relay()
  readonly #introductions = new Relay()
  readonly #unrelayed: Unrelayed
  #serving = 0

  constructor(transport: Transport, clock: Clock, hello: Hello, members: Members, routing: Pick<Routing, 'hash'>) {
    this.#transport = transport
    this.#clock = clock
    this.patience = new Patience(clock)
    this.#unrelayed = new Unrelayed(clock)
    this.#hello = hello
    this.#members = members
    this.#routing = routing
  }

  start(): void {
    this.#transport.start({
      opened: (peer) => this.#opened(peer),
      closed: (peer, reason) => this.#closed(peer, reason),
      message: (peer, bytes) => this.#received(peer, bytes),
      signaling: (event) => this.on.signaling(event),
      introduce: (to, body) => this.on.introduce(to, body),
      admits: (channels) => this.on.admits(channels),
    })
  }

  /** Closes every channel; requests under way fail as unreachable. */
  close(): void {
    // This end closes all channels, which says nothing about the others.
    for (const channel of this.#channels.values()) channel.parted = true
    this.#transport.close()
    for (const peer of [...this.#channels.keys()]) this.#closed(peer, 'closed')
  }

  /** Nodes with an open channel, answering or not. */
  get connected(): readonly NodeId[] {
    return [...this.#byNode.keys()]
  }

  isConnected(node: NodeId): boolean {
    return this.#byNode.has(node)
  }

  isReachable(node: NodeId): boolean {
    const status = this.#members.view.get(node)?.status
    const channel = this.#byNode.get(node)
    if (channel === undefined) return status === 'alive' && this.#relaysTo(node).length > 0
    if (!channel.answering) return false
    if (status === 'suspect') return this.#clock.now() - channel.heardAt < bounds.freshMs
    return status === 'alive' || status === undefined
  }

  /** The time a node was last heard over its channel, ms of this clock. */
  heardAt(node: NodeId): number {
    return this.#byNode.get(node)?.heardAt ?? 0
  }

  /** Gives up the channel to a node because there are too many. It is opened again when either node needs it. */
  part(node: NodeId): void {
    const channel = this.#byNode.get(node)
    if (channel === undefined) return
    this.#mention(channel.peer, { kind: 'part' })
    channel.parted = true
    this.#lost(channel)
    // The other end closes it after it has heard why. If this end closed first, the channel would look lost to it.
    this.#clock.after(bounds.partingMs, () => {
      if (this.#channels.get(channel.peer) === channel) this.#transport.drop(channel.peer, 'for now')
    })
  }

  /** Resolves when the handshakes are over on all channels that are open now. */
  async greeted(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.greeted.promise))
  }

  /** Sends a message without a reply, over a channel if there is one. */
  tell(node: NodeId, body: SwimMessage): void {
    this.#mention(this.#byNode.get(node)?.peer, { kind: 'swim', view: this.#routing.hash, body })
  }

  /** Passes an introduction on through a node. */
  introduce(through: NodeId, from: PeerId, to: PeerId, body: string): void {
    this.#mention(this.#byNode.get(through)?.peer, { kind: 'signal', from, to, body })
  }

  /** Sends a request, through a relay if the node has no channel. Rejects with a `RequestFailure`. */
  request(
    node: NodeId,
    body: Request,
    lane: Lane = 'control',
    timeoutMs: number = bounds.requestTimeoutMs,
  ): Promise<Reply> {
    return this.#route(node, (route) =>
      this.#ask(route, node, body, lane, (reply) => within(this.#clock, timeoutMs, reply)),
    )
  }

  /**
   * Sends a coordinator's request, and waits for the rest of its caller's time. A node silent for `requestTimeoutMs`
   * gets no new ones.
   */
  consult(node: NodeId, body: Request, waiting: Waiting): Promise<Reply> {
    const lane = body.type === 'put' ? 'bulk' : 'control'
    const silentMs = bounds.requestTimeoutMs
    const timeoutMs = Math.max(waiting.timeoutMs, silentMs)
    return this.#route(node, (route) =>
      this.#ask(route, node, body, lane, (reply) => {
        const cancel = judged(this.#clock, silentMs, () => this.#silent(route, node))
        return this.patience.watch(node, waiting, within(this.#clock, timeoutMs, reply).finally(cancel))
      }),
    )
  }

  async #route(node: NodeId, ask: (route: Channel) => Promise<Reply>): Promise<Reply> {
    const direct = this.#byNode.get(node)
    if (direct !== undefined) return ask(direct)
    const relays = this.#relaysTo(node).slice(0, bounds.relaysTried)
    for (const relay of relays) {
      try {
        return await ask(relay)
      } catch (error) {
        // A relay without a channel to the node says so at once, and the next one is tried. Silence is the node's own.
        if (!(error instanceof RequestFailure) || error.reason !== 'unreachable') throw error
      }
    }
    // Where no relay was tried, the pause of an earlier failure goes on. It must end, however often the node is asked.
    if (relays.length > 0) this.#notRelayed(node)
    throw new RequestFailure('unreachable')
  }

  /** `wait` begins when the channel has taken the request: a long queue is our slowness, not the peer's. */
  async #ask(
    route: Channel,
    node: NodeId,
    body: Request,
    lane: Lane,
    wait: (reply: Promise<Reply>) => Promise<Reply | typeof timedOut>,
  ): Promise<Reply> {
    const { id, reply } = this.#replies.begin(node, route.peer)
    try {
      await this.#talk(route, node, { kind: 'request', id, view: this.#routing.hash, body }, lane)
      const answer = await wait(reply)
      if (answer === timedOut) {
        this.#silent(route, node)
        throw new RequestFailure('silent')
      }
      if (answer.type === 'failed') throw new RequestFailure('refused', answer.code)
      return answer
    } catch (error) {
      this.on.unanswered(node, body, id, error)
      throw error
    } finally {
      this.#replies.end(id)
    }
  }

  /** A node asked over `route` has not answered in time. */
  #silent(route: Channel, node: NodeId): void {
    if (route.node === node) this.#setAnswering(route, false)
    else this.#notRelayed(node)
  }

  /** Sends to a node over its own channel, or over that of a relay. */
  async #talk(route: Channel, node: NodeId, message: Talk, lane: Lane): Promise<void> {
    if (route.node === node) return this.#send(route.peer, message, lane)
    const inner = encodeMessage(message)
    // No relay passes that much on, which says nothing about the node.
    if (inner.length > bounds.relayBytesMax) throw new RequestFailure('refused', 'overloaded')
    this.on.sent(node, message, inner.length, route.node)
    return this.#send(route.peer, { kind: 'relay', from: this.#hello.node, to: node, message: inner }, lane)
  }

  async #send(peer: PeerId, message: Message, lane: Lane): Promise<void> {
    const bytes = encodeMessage(message)
    this.on.sent(this.#channels.get(peer)?.node ?? null, message, bytes.length, null)
    await this.#transport.send(peer, bytes, lane).catch(() => {
      throw new RequestFailure('unreachable')
    })
  }

  /** Sends a message that may be lost, if there is a channel. */
  #mention(peer: PeerId | undefined, message: Message): void {
    if (peer !== undefined) this.#send(peer, message, 'control').catch(() => this.on.unsent())
  }

  #opened(peer: PeerId): void {
    const heardAt = this.#clock.now()
    const channel: Channel = { peer, node: null, answering: true, heardAt, parted: false, greeted: deferred<void>() }
    this.#channels.set(peer, channel)
    this.#mention(peer, { kind: 'hello', hello: this.#hello })
    const late = () => channel.node === null && this.#transport.drop(peer, 'for now')
    void channel.greeted.promise.then(this.#clock.after(bounds.handshakeTimeoutMs, late))
  }

  #closed(peer: PeerId, reason: CloseReason): void {
    const channel = this.#channels.get(peer)
    if (reason === 'malformed') this.on.malformed()
    this.#channels.delete(peer)
    channel?.greeted.resolve()
    this.#replies.fail((waiting) => waiting.peer === peer)
    if (channel === undefined) this.on.connectionFailed(peer, reason)
    else this.#lost(channel)
    // Either end may have closed it. It is not wanted for now.
    if (channel?.parted === true) this.#transport.drop(peer, 'for now')
  }

  #lost(channel: Channel): void {
    if (channel.node === null || this.#byNode.get(channel.node) !== channel) return
    this.#byNode.delete(channel.node)
    this.on.closed(channel.node, channel.parted ? 'parted' : 'lost')
  }

  #received(peer: PeerId, bytes: Uint8Array): void {
    const channel = this.#channels.get(peer)
    if (channel === undefined) return
    const message = decodeMessage(bytes)
    if (message !== null) this.on.received(channel.node, message, bytes.length, null)
    if (message === null) {
      this.on.malformed()
      this.#transport.drop(peer, 'for good')
    } else if (message.kind === 'hello') this.#meet(channel, message.hello)
    else if (message.kind === 'refuse') this.#refused(channel, message.reason)
    else if (channel.node === null) this.#transport.drop(peer, 'for good')
    else this.#heard(channel, channel.node, message)
  }

  #meet(channel: Channel, hello: Hello): void {
    if (channel.node !== null) return
    const fault = mismatch(this.#hello, hello)
    if (fault !== null) {
      this.#mention(channel.peer, { kind: 'refuse', reason: fault })
      this.#refused(channel, fault)
      return
    }
    if (isCopy(this.#hello, hello)) {
      this.on.copied(channel.peer)
      return
    }
    const former = this.#byNode.get(hello.node)
    channel.node = hello.node
    this.#byNode.set(hello.node, channel)
    this.#unrelayed.delete(hello.node)
    // For now: two boots of a copied profile have one name, and the former may be the one that stays.
    if (former !== undefined) this.#transport.drop(former.peer, 'for now')
    this.on.met(hello.node, hello)
    channel.greeted.resolve()
  }

  #refused(channel: Channel, reason: string): void {
    this.on.refused(channel.peer, reason)
    // A moment for our own refusal to arrive.
    this.#clock.after(bounds.exchangeSettleMs, () => this.#transport.drop(channel.peer, 'for good'))
  }

  #heard(channel: Channel, node: NodeId, message: Exclude<Message, { kind: 'hello' | 'refuse' }>): void {
    channel.heardAt = this.#clock.now()
    this.#setAnswering(channel, true)
    switch (message.kind) {
      case 'request':
      case 'reply':
        this.#talked(channel, node, message)
        return
      case 'swim':
        this.on.viewSeen(node, message.view)
        this.on.swim(node, message.body)
        return
      case 'signal':
        this.#introduction(channel, message)
        return
      case 'unsignaled':
        this.on.notIntroduced(message.to, message.body)
        return
      case 'relay':
        this.#relayed(channel, node, message)
        return
      case 'unrelayed':
        this.#replies.fail((waiting) => waiting.node === message.to && waiting.peer === channel.peer)
        return
      case 'part':
        channel.parted = true
        this.#transport.drop(channel.peer, 'for now')
    }
  }

  #talked(route: Channel, from: NodeId, message: Talk): void {
    this.on.viewSeen(from, message.view)
    if (message.kind === 'request') this.#answer(route, from, message.id, message.body)
    else this.#replies.received(message.id, from, route.peer, message.body)
  }

  #answer(route: Channel, from: NodeId, id: number, request: Request): void {
    const respond = (body: Reply) => {
      const lane = repliesWithValues.includes(body.type) ? 'reply' : 'control'
      this.#talk(route, from, { kind: 'reply', id, view: this.#routing.hash, body }, lane).catch(() => {
        // An answer too large for the way back becomes a refusal, or the other node would wait for it in vain.
        if (body.type !== 'failed') respond({ type: 'failed', code: 'overloaded' })
        else this.on.unsent()
      })
    }
    if (this.#serving >= bounds.requestsMax) {
      respond({ type: 'failed', code: 'overloaded' })
      return
    }
    this.#serving += 1
    this.on
      .request(from, request)
      .then(respond)
      .finally(() => {
        this.#serving -= 1
      })
  }

  #setAnswering(channel: Channel, answering: boolean): void {
    if (channel.answering === answering || channel.node === null || this.#byNode.get(channel.node) !== channel) return
    channel.answering = answering
    this.on.answering(channel.node)
  }

  /** Relays to a node without a channel: members of the mesh that should have one. */
  #relaysTo(node: NodeId): readonly Channel[] {
    if (this.#unrelayed.has(node)) return []
    return this.#members.mesh.relaysTo(this.#members.self, node).flatMap((between) => {
      const channel = this.#byNode.get(between)
      return channel?.answering === true && this.#members.view.get(between)?.status === 'alive' ? [channel] : []
    })
  }

  #notRelayed(node: NodeId): void {
    this.#unrelayed.add(node)
    this.on.answering(node)
  }

  /** One hop: a message of its sender goes to a node with a channel here, and no further. */
  #relayed(channel: Channel, node: NodeId, message: Extract<Message, { kind: 'relay' }>): void {
    const { from, to } = message
    if (to === this.#hello.node) {
      const inner = decodeMessage(message.message)
      if (inner?.kind !== 'request' && inner?.kind !== 'reply') return
      this.on.received(from, inner, message.message.length, node)
      this.#talked(channel, from, inner)
      return
    }
    const target = from === node ? this.#byNode.get(to) : undefined
    const onward = target === undefined ? null : () => this.#send(target.peer, message, 'bulk')
    void this.#relay.pass(message.message.length, onward, () => this.#mention(channel.peer, { kind: 'unrelayed', to }))
  }

  #introduction(channel: Channel, message: Extract<Message, { kind: 'signal' }>): void {
    const { from, to, body } = message
    if (to === this.#transport.self) this.#transport.introduced(from, body)
    else if (from === channel.peer) {
      const onward = this.#channels.get(to)?.node == null ? null : () => this.#send(to, message, 'control')
      void this.#introductions.pass(body.length, onward, () => this.#mention(from, { kind: 'unsignaled', to, body }))
    }
  }
}
