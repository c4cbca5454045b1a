/**
 * The other nodes within reach: the handshake that admits them, requests to them, and whether they answer.
 *
 * A peer is reachable when its channel is open and no request to it has gone unanswered for two seconds; the next thing heard
 * from it makes it reachable again. Bytes that make no sense end the channel they came over.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId, PeerId, ViewHash } from '../core/ids.ts'
import { decodeMessage, encodeMessage } from '../core/wire/message-codec.ts'
import type { FailureCode, Hello, Message, Reply, Request } from '../core/wire/messages.ts'
import type { Clock, CloseReason, Lane, SignalingEvent, Transport } from '../ports.ts'
import { type Deferred, deferred, timedOut, within } from './deadline.ts'
import { mismatch } from './handshake.ts'

/** Why a request got no answer. `refused`: the peer said so, with a code. Whether it took effect is unknown. */
export class RequestFailure extends Error {
  readonly reason: 'unreachable' | 'silent' | 'refused'
  readonly code: FailureCode | null

  constructor(reason: 'unreachable' | 'silent' | 'refused', code: FailureCode | null = null) {
    super(code === null ? reason : `${reason}: ${code}`)
    this.reason = reason
    this.code = code
  }
}

export interface PeersHandlers {
  /** Answers a request of another node. */
  serve(from: NodeId, request: Request): Promise<Reply>
  /** A node has been met, or has become reachable again. */
  joined(node: NodeId): void
  /** Its channel has closed, or it does not answer. */
  lost(node: NodeId): void
  /** A node showed the hash of its member view. */
  viewSeen(node: NodeId, view: ViewHash): void
  connectionFailed(peer: PeerId, reason: CloseReason): void
  /** The handshake failed, for good. */
  refused(peer: PeerId, reason: string): void
  signaling(event: SignalingEvent): void
}

/** One channel. */
interface Channel {
  readonly peer: PeerId
  /** Who is there; null until its hello came. */
  node: NodeId | null
  answering: boolean
  /** Settles when the handshake is over, either way. */
  readonly greeted: Deferred<void>
}

export class Peers {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #hello: Hello
  readonly #viewHash: () => ViewHash
  readonly #handlers: PeersHandlers
  readonly #channels = new Map<PeerId, Channel>()
  readonly #byNode = new Map<NodeId, Channel>()
  readonly #waiting = new Map<number, { readonly peer: PeerId; readonly reply: Deferred<Reply> }>()
  #lastRequest = 0
  #serving = 0

  constructor(transport: Transport, clock: Clock, hello: Hello, viewHash: () => ViewHash, handlers: PeersHandlers) {
    this.#transport = transport
    this.#clock = clock
    this.#hello = hello
    this.#viewHash = viewHash
    this.#handlers = handlers
  }

  start(): void {
    this.#transport.start({
      opened: (peer) => this.#opened(peer),
      closed: (peer, reason) => this.#closed(peer, reason),
      message: (peer, bytes) => this.#received(peer, bytes),
      signaling: (event) => this.#handlers.signaling(event),
    })
  }

  /** Closes every channel; requests under way fail as unreachable. */
  close(): void {
    this.#transport.close()
    for (const peer of [...this.#channels.keys()]) this.#closed(peer, 'closed')
  }

  isReachable(node: NodeId): boolean {
    return this.#byNode.get(node)?.answering === true
  }

  /** Nodes with an open channel, whether they answer or not. */
  get connected(): readonly NodeId[] {
    return [...this.#byNode.keys()]
  }

  /** Resolves when the handshakes on all channels that are open now are over. */
  async greeted(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.greeted.promise))
  }

  /** Asks a node. Rejects with a `RequestFailure`. */
  async request(
    node: NodeId,
    body: Request,
    lane: Lane = 'control',
    timeoutMs: number = bounds.requestTimeoutMs,
  ): Promise<Reply> {
    const channel = this.#byNode.get(node)
    if (channel === undefined || this.#waiting.size >= bounds.requestsMax) throw new RequestFailure('unreachable')
    this.#lastRequest += 1
    const id = this.#lastRequest
    const reply = deferred<Reply>()
    // The channel may close while the request is still being sent: then nobody waits for the reply yet.
    reply.promise.catch(() => {})
    this.#waiting.set(id, { peer: channel.peer, reply })
    try {
      // The time runs from when the channel has taken the request: a long queue is our slowness, not the peer's.
      await this.#send(channel.peer, { kind: 'request', id, view: this.#viewHash(), body }, lane)
      const answer = await within(this.#clock, timeoutMs, reply.promise)
      if (answer === timedOut) {
        this.#setAnswering(channel, false)
        throw new RequestFailure('silent')
      }
      if (answer.type === 'failed') throw new RequestFailure('refused', answer.code)
      return answer
    } finally {
      this.#waiting.delete(id)
    }
  }

  async #send(peer: PeerId, message: Message, lane: Lane): Promise<void> {
    try {
      await this.#transport.send(peer, encodeMessage(message), lane)
    } catch {
      throw new RequestFailure('unreachable')
    }
  }

  #opened(peer: PeerId): void {
    const channel: Channel = { peer, node: null, answering: true, greeted: deferred<void>() }
    this.#channels.set(peer, channel)
    this.#send(peer, { kind: 'hello', hello: this.#hello }, 'control').catch(() => {})
    const late = () => {
      if (channel.node === null) this.#transport.drop(peer, 'for now')
    }
    void channel.greeted.promise.then(this.#clock.after(bounds.handshakeTimeoutMs, late))
  }

  #closed(peer: PeerId, reason: CloseReason): void {
    const channel = this.#channels.get(peer)
    this.#channels.delete(peer)
    channel?.greeted.resolve()
    for (const waiting of this.#waiting.values()) {
      if (waiting.peer === peer) waiting.reply.reject(new RequestFailure('unreachable'))
    }
    if (channel === undefined) this.#handlers.connectionFailed(peer, reason)
    else if (channel.node !== null && this.#byNode.get(channel.node) === channel) {
      this.#byNode.delete(channel.node)
      this.#handlers.lost(channel.node)
    }
  }

  #received(peer: PeerId, bytes: Uint8Array): void {
    const channel = this.#channels.get(peer)
    if (channel === undefined) return
    const message = decodeMessage(bytes)
    if (message === null) this.#transport.drop(peer, 'for good')
    else if (message.kind === 'hello') this.#meet(channel, message.hello)
    else if (message.kind === 'refuse') this.#refused(channel, message.reason)
    else if (channel.node === null) this.#transport.drop(peer, 'for good')
    else this.#heard(channel, channel.node, message)
  }

  #meet(channel: Channel, hello: Hello): void {
    if (channel.node !== null) return
    const fault = mismatch(this.#hello, hello)
    if (fault !== null) {
      this.#send(channel.peer, { kind: 'refuse', reason: fault }, 'control').catch(() => {})
      this.#refused(channel, fault)
      return
    }
    const former = this.#byNode.get(hello.node)
    channel.node = hello.node
    this.#byNode.set(hello.node, channel)
    if (former !== undefined) this.#transport.drop(former.peer, 'for good')
    this.#handlers.joined(hello.node)
    channel.greeted.resolve()
  }

  #refused(channel: Channel, reason: string): void {
    this.#handlers.refused(channel.peer, reason)
    // A moment for our own refusal to get through.
    this.#clock.after(bounds.exchangeSettleMs, () => this.#transport.drop(channel.peer, 'for good'))
  }

  #heard(channel: Channel, node: NodeId, message: Extract<Message, { kind: 'request' | 'reply' }>): void {
    this.#setAnswering(channel, true)
    this.#handlers.viewSeen(node, message.view)
    if (message.kind === 'reply') this.#waiting.get(message.id)?.reply.resolve(message.body)
    else this.#answer(channel.peer, node, message.id, message.body)
  }

  #answer(peer: PeerId, node: NodeId, id: number, request: Request): void {
    const respond = (body: Reply) => {
      const lane = body.type === 'record' ? 'bulk' : 'control'
      this.#send(peer, { kind: 'reply', id, view: this.#viewHash(), body }, lane).catch(() => {})
    }
    if (this.#serving >= bounds.requestsMax) {
      respond({ type: 'failed', code: 'overloaded' })
      return
    }
    this.#serving += 1
    this.#handlers
      .serve(node, request)
      .then(respond)
      .finally(() => {
        this.#serving -= 1
      })
  }

  #setAnswering(channel: Channel, answering: boolean): void {
    if (channel.answering === answering || channel.node === null || this.#byNode.get(channel.node) !== channel) return
    channel.answering = answering
    if (answering) this.#handlers.joined(channel.node)
    else this.#handlers.lost(channel.node)
  }
}
