/**
 * A network for large simulated rings: a server introduces a newcomer to a few who listen there, and everybody else is introduced
 * through the mesh, as over WebRTC. Counts what is sent.
 */
import type { PeerId } from '../../src/core/ids.ts'
import type { Clock, Transport, TransportHandlers } from '../../src/ports.ts'

const firstContacts = 4
const delayMs = 40
/** An attempt that has not led to a channel by then has failed. */
const retryMs = 3_000

/** By the peer that sends, when its last message arrives: a channel keeps the order. */
type Channel = Map<PeerId, number>

interface Endpoint {
  readonly peer: PeerId
  handlers: TransportHandlers | undefined
  wanted: ReadonlySet<PeerId>
  /** Channels, each the same at both ends. */
  readonly open: Map<PeerId, Channel>
  /** Peers that a channel is being opened to. */
  readonly opening: Set<PeerId>
  listening: boolean
  messages: number
  bytes: number
}

export class MeshNetwork {
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #endpoints = new Map<PeerId, Endpoint>()
  #linksMost = 0

  constructor(clock: Clock, chance: () => number) {
    this.#clock = clock
    this.#chance = chance
  }

  /** Messages and bytes sent by all so far. */
  get sent(): { readonly messages: number; readonly bytes: number } {
    const all = [...this.#endpoints.values()]
    return {
      messages: all.reduce((sum, { messages }) => sum + messages, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  /** The most channels that anybody ever had at a time. */
  get linksMost(): number {
    return this.#linksMost
  }

  transport(peer: PeerId): Transport {
    const own: Endpoint = {
      peer,
      handlers: undefined,
      wanted: new Set(),
      open: new Map(),
      opening: new Set(),
      listening: true,
      messages: 0,
      bytes: 0,
    }
    return {
      self: peer,
      start: (handlers) => {
        own.handlers = handlers
        this.#endpoints.set(peer, own)
        this.#meet(own)
      },
      met: async () => {},
      want: (peers) => {
        const before = own.wanted
        own.wanted = peers
        for (const other of peers) if (!before.has(other)) this.#ask(own, other)
      },
      introduced: (from) => {
        const other = this.#endpoints.get(from)
        if (other !== undefined) this.#connect(own, other)
      },
      listen: (how) => {
        const was = own.listening
        own.listening = how === 'always'
        if (own.listening && !was) this.#introduce(own)
      },
      send: async (to, message) => {
        const far = this.#endpoints.get(to)
        const channel = own.open.get(to)
        if (far === undefined || channel === undefined) throw new Error('there is no channel to that peer')
        own.messages += 1
        own.bytes += message.length
        const due = Math.max(this.#clock.now() + this.#delay(), channel.get(peer) ?? 0)
        channel.set(peer, due)
        const deliver = () => far.open.get(peer) === channel && far.handlers?.message(peer, message)
        this.#clock.after(due - this.#clock.now(), deliver)
      },
      drop: (other) => this.#close(own, other),
      close: () => {
        own.handlers = undefined
        this.#endpoints.delete(peer)
        for (const other of [...own.open.keys()]) this.#close(own, other)
      },
    }
  }

  /** Comes to the server, and again as long as nobody is met. */
  #meet(own: Endpoint): void {
    if (own.handlers === undefined || own.open.size > 0) return
    this.#introduce(own)
    this.#clock.after(2_000, () => this.#meet(own))
  }

  /** To a few of those who listen. */
  #introduce(own: Endpoint): void {
    const there = [...this.#endpoints.values()].filter((other) => other.listening && other !== own)
    for (let count = 0; count < firstContacts && there.length > 0; count += 1) {
      for (const other of there.splice(Math.floor(this.#chance() * there.length), 1)) this.#connect(own, other)
    }
  }

  #later(task: () => void): void {
    this.#clock.after(this.#delay(), task)
  }

  #delay(): number {
    return -Math.log(1 - this.#chance()) * delayMs
  }

  /** The lower name initiates, through the mesh; and again while it is wanted. */
  #ask(own: Endpoint, other: PeerId): void {
    if (own.peer > other || own.open.has(other) || !own.wanted.has(other) || own.handlers === undefined) return
    own.handlers.introduce(other, `offer of ${own.peer} at ${this.#clock.now()}`)
    this.#clock.after(retryMs, () => {
      if (!own.open.has(other)) own.handlers?.closed(other, 'failed')
      this.#ask(own, other)
    })
  }

  #askLater(own: Endpoint, other: PeerId): void {
    this.#clock.after(retryMs * this.#chance(), () => this.#ask(own, other))
  }

  #connect(a: Endpoint, b: Endpoint): void {
    if (a === b || a.open.has(b.peer) || a.opening.has(b.peer)) return
    if (!hasRoom(a) || !hasRoom(b)) return
    a.opening.add(b.peer)
    b.opening.add(a.peer)
    this.#later(() => {
      a.opening.delete(b.peer)
      b.opening.delete(a.peer)
      const isTaken = a.open.has(b.peer) || b.open.has(a.peer)
      if (isTaken || a.handlers === undefined || b.handlers === undefined) return
      const channel: Channel = new Map()
      a.open.set(b.peer, channel)
      b.open.set(a.peer, channel)
      this.#linksMost = Math.max(this.#linksMost, a.open.size, b.open.size)
      a.handlers.opened(b.peer, null)
      b.handlers.opened(a.peer, null)
    })
  }

  #close(own: Endpoint, other: PeerId): void {
    const channel = own.open.get(other)
    if (!own.open.delete(other)) return
    own.handlers?.closed(other, 'closed')
    this.#askLater(own, other)
    const far = this.#endpoints.get(other)
    this.#later(() => {
      if (far === undefined || far.open.get(own.peer) !== channel) return
      far.open.delete(own.peer)
      far.handlers?.closed(own.peer, 'closed')
      this.#askLater(far, own.peer)
    })
  }
}

const hasRoom = ({ handlers, open, opening }: Endpoint): boolean => handlers?.admits(open.size + opening.size) === true
