/**
 * A network in memory: every endpoint meets every other (not in the paper; the transport port for tests).
 *
 * Messages travel in the same frames and lanes as over WebRTC, delayed and in order. Links can be cut and healed.
 */
import type { PeerId } from '../core/ids.ts'
import { Reassembler } from '../core/wire/frames.ts'
import { SendQueue } from '../core/wire/send-queue.ts'
import type { Clock, CloseReason, Transport, TransportHandlers } from '../ports.ts'

/** Frames that one link carries per millisecond: about 1 GB/s. */
const framesPerTick = 64
const tickMs = 1

/** One direction of one channel. */
interface Link {
  readonly queue: SendQueue
  readonly reassembler: Reassembler
  pumping: boolean
}

interface Endpoint {
  readonly peer: PeerId
  handlers: TransportHandlers | undefined
  readonly links: Map<PeerId, Link>
  readonly dropped: Set<PeerId>
}

export class MemoryNetwork {
  readonly #clock: Clock
  readonly #endpoints = new Map<PeerId, Endpoint>()
  readonly #cuts = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A transport for one node. */
  transport(peer: PeerId): Transport {
    const endpoint: Endpoint = { peer, handlers: undefined, links: new Map(), dropped: new Set() }
    let met: Promise<void> = Promise.resolve()
    return {
      self: peer,
      start: (handlers) => {
        endpoint.handlers = handlers
        endpoint.dropped.clear()
        this.#endpoints.set(peer, endpoint)
        met = new Promise((resolve) => {
          this.#clock.after(tickMs, () => {
            this.#connectAll()
            resolve()
          })
        })
      },
      met: () => met,
      // Every endpoint meets every other, so none has to be introduced.
      want: () => {},
      introduced: () => {},
      listen: () => {},
      send: (to, message, lane) =>
        new Promise((resolve, reject) => {
          const link = endpoint.links.get(to)
          const done = (sent: boolean) => (sent ? resolve() : reject(new Error('the channel has closed')))
          if (link?.queue.offer(lane, message, done) === true) this.#pump(endpoint, to, link)
          else reject(new Error(link === undefined ? 'there is no channel to that peer' : 'the queue is full'))
        }),
      drop: (to, how) => {
        if (how === 'for good') endpoint.dropped.add(to)
        this.#disconnect(endpoint, to, 'closed')
      },
      close: () => this.remove(peer),
    }
  }

  /** Removes an endpoint without a word, as a crash does. The others notice that their channels close. */
  remove(peer: PeerId): void {
    const endpoint = this.#endpoints.get(peer)
    if (endpoint === undefined) return
    this.#endpoints.delete(peer)
    endpoint.handlers = undefined
    for (const other of [...endpoint.links.keys()]) this.#disconnect(endpoint, other, 'closed')
  }

  /** Cuts the link between two peers: their channel fails, and none opens until it is healed. */
  cut(a: PeerId, b: PeerId): void {
    this.#cuts.add(pair(a, b))
    const endpoint = this.#endpoints.get(a)
    if (endpoint !== undefined) this.#disconnect(endpoint, b, 'failed')
  }

  /** Heals every cut. */
  heal(): void {
    this.#cuts.clear()
    this.#clock.after(tickMs, () => this.#connectAll())
  }

  #connectAll(): void {
    const endpoints = [...this.#endpoints.values()]
    for (const [index, a] of endpoints.entries()) {
      for (const b of endpoints.slice(index + 1)) this.#connect(a, b)
    }
  }

  #connect(a: Endpoint, b: Endpoint): void {
    const unwanted = a.dropped.has(b.peer) || b.dropped.has(a.peer) || this.#cuts.has(pair(a.peer, b.peer))
    if (unwanted || a.links.has(b.peer)) return
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.links.set(to.peer, { queue: new SendQueue(), reassembler: new Reassembler(), pumping: false })
    }
    a.handlers?.opened(b.peer, null)
    b.handlers?.opened(a.peer, null)
  }

  #disconnect(endpoint: Endpoint, other: PeerId, reason: CloseReason): void {
    const far = this.#endpoints.get(other)
    for (const [from, to] of [
      [endpoint, other],
      [far, endpoint.peer],
    ] as const) {
      const link = from?.links.get(to)
      if (from === undefined || link === undefined) continue
      from.links.delete(to)
      link.queue.clear()
      from.handlers?.closed(to, reason)
    }
  }

  #pump(from: Endpoint, to: PeerId, link: Link): void {
    if (link.pumping) return
    link.pumping = true
    this.#clock.after(tickMs, () => {
      link.pumping = false
      for (let sent = 0; sent < framesPerTick && from.links.get(to) === link; sent += 1) {
        const frame = link.queue.take()
        if (frame === undefined) return
        this.#deliver(from, to, frame)
      }
      if (link.queue.messageCount > 0) this.#pump(from, to, link)
    })
  }

  #deliver(from: Endpoint, to: PeerId, frame: Uint8Array): void {
    const far = this.#endpoints.get(to)
    const taken = far?.links.get(from.peer)?.reassembler.take(frame)
    if (taken?.kind === 'message') far?.handlers?.message(from.peer, taken.message)
    if (taken?.kind === 'malformed') this.#disconnect(from, to, 'malformed')
  }
}

const pair = (a: PeerId, b: PeerId): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
