/**
 * A network that loses, repeats, delays and reorders messages, partitions in both directions or one, clogs and bursts.
 *
 * Channels open between endpoints that can reach each other and are tried again every second, as WebRTC's are. A
 * message that is lost leaves its channel open: to the node that is a peer that does not answer. Only the first message
 * of each direction, the hello, is spared: a real channel is ordered, and a stranger that skips it is sent away for
 * good.
 */
import { bounds } from '../../src/core/bounds.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { decodeMessage } from '../../src/core/wire/message-codec.ts'
import type { CloseReason, Transport, TransportHandlers } from '../../src/ports.ts'
import { Chance } from './chance.ts'
import type { Counters } from './counters.ts'
import { Introductions } from './introductions.ts'
import { Line } from './line.ts'
import type { Options } from './options.ts'
import type { Gate, VirtualClock } from './virtual-clock.ts'

/** One channel: when the first message of each direction arrives, and when the last one has. */
class Channel {
  readonly firstAt = new Map<PeerId, number>()
  readonly heardAt = new Map<PeerId, number>()
  /** What carries messages from each end, where they travel in frames. */
  readonly lines = new Map<PeerId, Line>()
}

interface Endpoint {
  readonly peer: PeerId
  readonly place: number
  /** A tab that stands still answers no introduction. */
  readonly isAwake: () => boolean
  handlers: TransportHandlers | undefined
  readonly channels: Map<PeerId, Channel>
  readonly dropped: Set<PeerId>
  isListening: boolean
  wanted: ReadonlySet<PeerId>
  readonly attempts: Map<PeerId, string>
}

const connectEveryMs = 1000
const tailMs = 4000

export class SimNetwork {
  readonly #clock: VirtualClock
  readonly #chance: Chance
  /** Of frames. */
  readonly #wire: Chance
  #isGarbled = false
  readonly #introductions: Introductions<Endpoint> | null
  readonly #options: Options
  readonly #counters: Counters
  readonly #trace: (line: string) => void
  readonly #endpoints = new Map<PeerId, Endpoint>()
  /** Directions that are cut, by places: messages vanish. */
  readonly #cuts = new Set<string>()
  /** Directions that are cut until everything is healed. */
  readonly #severed = new Set<string>()
  /** When a direction was last healed. */
  readonly #healedAt = new Map<string, number>()
  /** The side of each place while the network is split; places of different sides hear nothing of each other. */
  #sideOf: ((place: number) => number) | null = null
  #formerSideOf: (place: number) => number = () => 0
  #reunitedAt = Number.NEGATIVE_INFINITY
  /** No new channels until then. */
  #unsignaledUntil = 0
  /** Directions that are clogged until a time: messages wait, then burst. */
  readonly #clogs = new Map<string, number>()
  calm = false
  /** What is larger is not sent. */
  messageBytesMax: number = bounds.messageBytesMax

  constructor(
    clock: VirtualClock,
    chance: Chance,
    options: Options,
    counters: Counters,
    trace: (line: string) => void,
  ) {
    this.#clock = clock
    this.#chance = chance
    this.#wire = new Chance(options.seed, 'wire')
    this.#options = options
    this.#counters = counters
    this.#introductions = options.linksMax < bounds.linksMax ? this.#meeting() : null
    this.#trace = trace
  }

  /** Tries, every second from now on, to open what channels can be opened. */
  start(): void {
    this.#connectAll()
    this.#clock.after(connectEveryMs, () => this.start())
  }

  transport(peer: PeerId, place: number, gate: Gate, isAwake: () => boolean): Transport {
    const whole = { channels: new Map(), dropped: new Set<PeerId>(), attempts: new Map(), wanted: new Set<PeerId>() }
    const endpoint: Endpoint = { peer, place, isAwake, handlers: undefined, isListening: true, ...whole }
    return {
      self: peer,
      // Where everybody meets everybody nobody has to be introduced.
      want: (peers) => {
        endpoint.wanted = peers
      },
      introduced: (from, body) => this.#introductions?.received(endpoint, from, body),
      listen: (how) => {
        endpoint.isListening = how === 'always'
      },
      start: (handlers) => {
        endpoint.handlers = {
          opened: (other, binding) => gate(() => handlers.opened(other, binding)),
          closed: (other, reason) => gate(() => handlers.closed(other, reason)),
          message: (other, message) => gate(() => handlers.message(other, message)),
          signaling: (event) => gate(() => handlers.signaling(event)),
          introduce: (to, body) => gate(() => handlers.introduce(to, body)),
          admits: handlers.admits,
        }
        this.#endpoints.set(peer, endpoint)
      },
      met: () => new Promise((resolve) => this.#clock.after(2 * connectEveryMs, () => gate(resolve))),
      send: async (to, message, lane) => {
        const channel = endpoint.channels.get(to)
        if (channel === undefined) throw new Error('there is no channel to that peer')
        if (message.length > this.messageBytesMax) throw new Error('the message is larger than a message may be')
        const line = channel.lines.get(peer)
        if (line === undefined) this.#send(endpoint, to, channel, message)
        else if (this.calm || line.messageCount < this.#options.queueMax) return line.send(message, lane)
        else {
          this.#counters.count('fault: send queue full')
          throw new Error('the queue is full')
        }
      },
      drop: (to, how) => {
        if (how === 'for good') endpoint.dropped.add(to)
        this.#disconnect(endpoint, to)
      },
      close: () => this.remove(peer),
    }
  }

  remove(peer: PeerId): void {
    const endpoint = this.#endpoints.get(peer)
    if (endpoint === undefined) return
    this.#endpoints.delete(peer)
    endpoint.handlers = undefined
    for (const other of [...endpoint.channels.keys()]) this.#disconnect(endpoint, other)
  }

  /** Cuts what goes from one place to another. */
  cut(from: number, to: number): void {
    this.#cuts.add(`${from} ${to}`)
  }

  clog(from: number, to: number, ms: number): void {
    this.#clogs.set(`${from} ${to}`, this.#clock.now + ms)
  }

  /** The channels between two places break; they are opened again as soon as that goes. */
  disconnect(from: number, to: number): void {
    for (const a of this.#endpoints.values()) {
      if (a.place !== from) continue
      for (const peer of [...a.channels.keys()]) {
        if (this.#endpoints.get(peer)?.place !== to) continue
        this.#disconnect(a, peer)
        this.#counters.count('fault: channel broke')
      }
    }
  }

  /** Cuts a direction for good: `heal` leaves it so. */
  sever(from: number, to: number): void {
    this.#severed.add(`${from} ${to}`)
  }

  /** Cuts the network in parts for good: `heal` leaves it so, and places that come later have a side too. */
  split(sideOf: (place: number) => number): void {
    this.#sideOf = sideOf
  }

  reunite(): void {
    for (const way of this.#severed) this.#healedAt.set(way, this.#clock.now)
    this.#severed.clear()
    if (this.#sideOf === null) return
    this.#formerSideOf = this.#sideOf
    this.#reunitedAt = this.#clock.now
    this.#sideOf = null
  }

  heal(): void {
    for (const way of this.#cuts) this.#healedAt.set(way, this.#clock.now)
    this.#cuts.clear()
    this.#clogs.clear()
  }

  /** Whether a place can ask another one: nothing cuts them, and it has heard from it since something last did. */
  isInTouch(from: number, to: number): boolean {
    const endpoints = [...this.#endpoints.values()]
    const near = endpoints.find(({ place }) => place === from)
    const far = endpoints.find(({ place }) => place === to)
    if (near === undefined || far === undefined || this.#isCut(from, to) || this.#isCut(to, from)) return false
    const channel = near.channels.get(far.peer)
    const heardAt = channel?.heardAt.get(far.peer)
    if (heardAt === undefined || far.channels.get(near.peer) !== channel) return false
    return heardAt > Math.max(this.#wholeSince(from, to), this.#wholeSince(to, from))
  }

  #isCut(from: number, to: number): boolean {
    const way = `${from} ${to}`
    const isSplit = this.#sideOf !== null && this.#sideOf(from) !== this.#sideOf(to)
    return isSplit || this.#cuts.has(way) || this.#severed.has(way)
  }

  #wholeSince(from: number, to: number): number {
    const healedAt = this.#healedAt.get(`${from} ${to}`) ?? Number.NEGATIVE_INFINITY
    const wasSplit = this.#formerSideOf(from) !== this.#formerSideOf(to)
    return wasSplit ? Math.max(healedAt, this.#reunitedAt) : healedAt
  }

  /** For so long the signaling server brings nobody together; channels that are open stay so. */
  unsignaled(ms: number): void {
    this.#unsignaledUntil = this.#clock.now + ms
  }

  #connectAll(): void {
    if (this.#introductions !== null) {
      this.#introductions.round()
      return
    }
    if (!this.#isSignaling) return
    const endpoints = [...this.#endpoints.values()].filter(({ isAwake }) => isAwake())
    for (const [index, a] of endpoints.entries()) {
      for (const b of endpoints.slice(index + 1)) {
        const unwanted =
          a.dropped.has(b.peer) || b.dropped.has(a.peer) || a.channels.has(b.peer) || b.channels.has(a.peer)
        if (unwanted || this.#isCut(a.place, b.place) || this.#isCut(b.place, a.place)) continue
        this.#open(a, b)
      }
    }
  }

  #open(a: Endpoint, b: Endpoint): void {
    const channel = new Channel()
    if (this.#options.frameMs > 0) {
      channel.lines.set(a.peer, this.#line(a, b, channel))
      channel.lines.set(b.peer, this.#line(b, a, channel))
    }
    a.channels.set(b.peer, channel)
    b.channels.set(a.peer, channel)
    a.handlers?.opened(b.peer, null)
    b.handlers?.opened(a.peer, null)
  }

  get #isSignaling(): boolean {
    return this.calm || this.#clock.now >= this.#unsignaledUntil
  }

  /** How peers meet in a ring in which not everybody has a channel to everybody. */
  #meeting(): Introductions<Endpoint> {
    return new Introductions(this.#clock, this.#wire, this.#counters, {
      endpoints: this.#endpoints,
      isWhole: (a, b) => !this.#isCut(a.place, b.place) && !this.#isCut(b.place, a.place),
      open: (a, b) => this.#open(a, b),
      close: (a, peer) => this.#disconnect(a, peer),
      isSignaling: () => this.#isSignaling,
      isCalm: () => this.calm,
    })
  }

  #disconnect(endpoint: Endpoint, other: PeerId, reason: CloseReason = 'closed'): void {
    const far = this.#endpoints.get(other)
    const channel = endpoint.channels.get(other)
    if (!endpoint.channels.delete(other)) return
    for (const line of channel?.lines.values() ?? []) {
      if (line.isInMidMessage) this.#counters.count('fault: channel closed in the middle of a message')
      line.close()
    }
    endpoint.handlers?.closed(other, reason)
    // The other end notices a moment later, or much later when nobody said goodbye.
    this.#clock.after(this.#delay(), () => {
      if (far === undefined || far.channels.get(endpoint.peer) !== channel) return
      far.channels.delete(endpoint.peer)
      far.handlers?.closed(endpoint.peer, 'failed')
    })
  }

  #delay(): number {
    const { delayMs, tail } = this.#options
    if (!this.calm && this.#chance.happens(tail)) {
      this.#counters.count('fault: long delay')
      return this.#chance.fraction() * tailMs
    }
    return this.#chance.exponential(delayMs)
  }

  #line(from: Endpoint, far: Endpoint, channel: Channel): Line {
    const isOpen = () => far.channels.get(from.peer) === channel
    return new Line(this.#clock, this.#options.frameMs, {
      delayMs: () => this.#delay() + this.#cloggedMs(from, far),
      garbled: (frame) => {
        if (this.calm || !this.#wire.happens(this.#options.garble)) return frame
        this.#counters.count('fault: frame cut short')
        return frame.subarray(0, Math.floor(this.#wire.fraction() * frame.length))
      },
      message: (message) => {
        if (isOpen()) this.#arrived(from, far, channel, this.#garbled(message))
      },
      malformed: () => {
        if (isOpen()) this.#disconnect(far, from.peer, 'malformed')
      },
    })
  }

  /** Once in a run a whole message makes no sense: whoever gets it has nothing to do with that boot any more. */
  #garbled(message: Uint8Array): Uint8Array {
    const isDue = this.#options.garble > 0 && !this.calm && !this.#isGarbled && this.#wire.happens(0.001)
    const garbled = message.map((byte, at) => (at === 0 ? 255 - byte : byte))
    if (!isDue || decodeMessage(garbled) !== null) return message
    this.#isGarbled = true
    this.#counters.count('path: message that made no sense ended a channel for good')
    return garbled
  }

  /** A message that came in frames may be lost all the same, or come twice: the nodes at both ends cannot tell. */
  #arrived(from: Endpoint, far: Endpoint, channel: Channel, message: Uint8Array): void {
    const isFirst = !channel.firstAt.has(from.peer)
    if (isFirst) channel.firstAt.set(from.peer, this.#clock.now)
    else if (this.#isCut(from.place, far.place)) {
      this.#counters.count('fault: message into a cut')
      return
    }
    const { loss, duplication } = this.#options
    if (!isFirst && !this.calm && this.#chance.happens(loss)) {
      this.#counters.count('fault: lost')
      return
    }
    const isTwice = !this.calm && this.#chance.happens(duplication)
    if (isTwice) this.#counters.count('fault: duplicated')
    this.#deliver(from, far, channel, message)
    if (isTwice) this.#clock.after(this.#delay(), () => this.#deliver(from, far, channel, message))
  }

  #deliver(from: Endpoint, far: Endpoint, channel: Channel, message: Uint8Array): void {
    if (far.channels.get(from.peer) !== channel) return
    channel.heardAt.set(from.peer, this.#clock.now)
    this.#trace(`${from.place}>${far.place} ${message.length} ${fingerprint(message)}`)
    far.handlers?.message(from.peer, message)
  }

  #cloggedMs(from: Endpoint, far: Endpoint): number {
    const clogged = Math.max(0, (this.#clogs.get(`${from.place} ${far.place}`) ?? 0) - this.#clock.now)
    if (clogged > 0) this.#counters.count('fault: clogged')
    return clogged
  }

  #send(from: Endpoint, to: PeerId, channel: Channel, message: Uint8Array): void {
    const far = this.#endpoints.get(to)
    if (far !== undefined) this.#transmit(from, far, channel, message)
  }

  #transmit(from: Endpoint, far: Endpoint, channel: Channel, message: Uint8Array): void {
    const { loss, duplication } = this.#options
    if (channel.firstAt.has(from.peer) && this.#isCut(from.place, far.place)) {
      this.#counters.count('fault: message into a cut')
      return
    }
    const firstAt = channel.firstAt.get(from.peer)
    if (!this.calm && firstAt !== undefined && this.#chance.happens(loss)) {
      this.#counters.count('fault: lost')
      return
    }
    const copies = !this.calm && this.#chance.happens(duplication) ? 2 : 1
    if (copies === 2) this.#counters.count('fault: duplicated')
    const clogged = this.#cloggedMs(from, far)
    for (let copy = 0; copy < copies; copy += 1) {
      const due = Math.max(clogged + this.#delay(), (firstAt ?? 0) - this.#clock.now)
      if (!channel.firstAt.has(from.peer)) channel.firstAt.set(from.peer, this.#clock.now + due)
      this.#clock.after(due, () => this.#deliver(from, far, channel, message))
    }
  }
}

/** Enough of a message to tell two runs apart. */
function fingerprint(message: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < message.length; at += 1) sum = (Math.imul(sum, 31) + (message[at] ?? 0)) | 0
  return sum
}
