/**
 * A network for large simulated rings: a server introduces a newcomer to a few who listen there, and everybody else is introduced
 * through the mesh, as over WebRTC. Counts what is sent.
 */
import type { PeerId } from '../../src/core/ids.ts'
import type { Clock, Transport, TransportHandlers } from '../../src/ports.ts'

const firstContacts = 4
const delayMs = 40

interface Endpoint {
  readonly peer: PeerId
  handlers: TransportHandlers | undefined
  wanted: ReadonlySet<PeerId>
  readonly open: Set<PeerId>
  listening: boolean
  messages: number
  bytes: number
}

export class MeshNetwork {
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #endpoints = new Map<PeerId, Endpoint>()

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

  get linksMost(): number {
    return Math.max(...[...this.#endpoints.values()].map(({ open }) => open.size))
  }

  transport(peer: PeerId): Transport {
    const own: Endpoint = {
      peer,
      handlers: undefined,
      wanted: new Set(),
      open: new Set(),
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
        own.listening = how === 'always'
      },
      send: async (to, message) => {
        const far = this.#endpoints.get(to)
        if (far === undefined || !own.open.has(to)) throw new Error('there is no channel to that peer')
        own.messages += 1
        own.bytes += message.length
        this.#later(() => own.open.has(to) && far.handlers?.message(peer, message))
      },
      drop: (other) => this.#close(own, other),
      close: () => {
        own.handlers = undefined
        this.#endpoints.delete(peer)
        for (const other of [...own.open]) this.#close(own, other)
      },
    }
  }

  /** A few of those who listen; and others as long as nobody is met. */
  #meet(own: Endpoint): void {
    if (own.handlers === undefined || own.open.size > 0) return
    const there = [...this.#endpoints.values()].filter((other) => other.listening && other !== own)
    for (let count = 0; count < firstContacts && there.length > 0; count += 1) {
      for (const other of there.splice(Math.floor(this.#chance() * there.length), 1)) this.#connect(own, other)
    }
    this.#clock.after(2_000, () => this.#meet(own))
  }

  #later(task: () => void): void {
    this.#clock.after(-Math.log(1 - this.#chance()) * delayMs, task)
  }

  /** The lower name initiates, through the mesh; and again while it is wanted. */
  #ask(own: Endpoint, other: PeerId): void {
    if (own.peer > other || own.open.has(other) || !own.wanted.has(other) || own.handlers === undefined) return
    own.handlers.introduce(other, `offer of ${own.peer} at ${this.#clock.now()}`)
    this.#clock.after(2_000 + 1_000 * this.#chance(), () => this.#ask(own, other))
  }

  #connect(a: Endpoint, b: Endpoint): void {
    if (a === b || a.open.has(b.peer)) return
    this.#later(() => {
      if (a.open.has(b.peer) || a.handlers === undefined || b.handlers === undefined) return
      a.open.add(b.peer)
      b.open.add(a.peer)
      a.handlers.opened(b.peer, null)
      b.handlers.opened(a.peer, null)
    })
  }

  #close(own: Endpoint, other: PeerId): void {
    if (!own.open.delete(other)) return
    own.handlers?.closed(other, 'closed')
    const far = this.#endpoints.get(other)
    this.#later(() => {
      if (far?.open.delete(own.peer) === true) far.handlers?.closed(own.peer, 'closed')
    })
  }
}
