/**
 * Introductions: how peers of a large ring meet.
 *
 * A server brings a newcomer together with a few, and those whom it has met introduce it to the others. A channel opens
 * when an offer has come to its peer, and the answer back. Of each pair the peer whose name sorts first offers, as over
 * WebRTC.
 *
 * The server is slow. It drops what it should pass on, says again what it has said long before, and says it in another
 * peer's name.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../src/core/bounds.ts'
import type { PeerId } from '../../src/core/ids.ts'
import type { Chance } from './chance.ts'
import type { Counters } from './counters.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** One peer, as those who introduce it see it. */
export interface Introducible {
  readonly peer: PeerId
  readonly channels: ReadonlyMap<PeerId, unknown>
  readonly dropped: ReadonlySet<PeerId>
  readonly isAwake: () => boolean
  /** With the server. */
  isListening: boolean
  wanted: ReadonlySet<PeerId>
  /** The attempt under way with each peer. */
  readonly attempts: Map<PeerId, string>
  readonly handlers: { introduce(to: PeerId, body: string): void; admits(channels: number): boolean } | undefined
}

export interface Meeting<E extends Introducible> {
  readonly endpoints: ReadonlyMap<PeerId, E>
  isWhole(a: E, b: E): boolean
  open(a: E, b: E): void
  close(a: E, peer: PeerId): void
  /** The server is there. */
  isSignaling(): boolean
  /** Nothing is slow or wrong any more. */
  isCalm(): boolean
}

/** Of what a server is to pass on: dropped, said again later, said in another name. */
const lies = { dropped: 0.1, replayed: 0.05, misnamed: 0.05 } as const
const slowMs = 3_000
const replayedAfterMs = 8_000

export class Introductions<E extends Introducible> {
  readonly #clock: VirtualClock
  readonly #chance: Chance
  readonly #counters: Counters
  readonly #meeting: Meeting<E>

  constructor(clock: VirtualClock, chance: Chance, counters: Counters, meeting: Meeting<E>) {
    this.#clock = clock
    this.#chance = chance
    this.#counters = counters
    this.#meeting = meeting
  }

  /** Everybody tries whom it wants, and a few of those that the server names. */
  round(): void {
    for (const endpoint of this.#meeting.endpoints.values()) {
      if (!endpoint.isAwake()) continue
      for (const peer of endpoint.wanted) this.#approach(endpoint, peer)
      if (!endpoint.isListening) continue
      const named = [...this.#meeting.endpoints.values()].filter((other) => other !== endpoint && other.isListening)
      const met = named.filter(({ peer }) => endpoint.channels.has(peer)).length
      const unmet = named.filter(({ peer }) => !endpoint.channels.has(peer))
      for (let count = met; count < bounds.firstContacts && unmet.length > 0; count += 1) {
        const [other] = unmet.splice(Math.floor(this.#chance.fraction() * unmet.length), 1)
        if (other !== undefined) this.#approach(endpoint, other.peer)
      }
    }
  }

  #approach(from: E, to: PeerId): void {
    if (from.channels.has(to) || from.dropped.has(to) || to === from.peer) return
    if (from.peer > to) this.#say(from, to, 'invite')
    else this.#offer(from, to)
  }

  #offer(from: E, to: PeerId): void {
    if (from.handlers?.admits(from.channels.size) !== true) return
    const attempt = bytesToHex(this.#chance.random.bytes(8))
    from.attempts.set(to, attempt)
    this.#say(from, to, `offer ${attempt}`)
  }

  /** Through the server where both are with it, else through the mesh. */
  #say(from: E, to: PeerId, body: string): void {
    const far = this.#meeting.endpoints.get(to)
    if (!this.#meeting.isSignaling() || !from.isListening || far?.isListening !== true) {
      // No two introductions are one text.
      from.handlers?.introduce(to, `${body} ${bytesToHex(this.#chance.random.bytes(4))}`)
      return
    }
    if (this.#meeting.isCalm()) {
      this.#clock.after(10, () => this.#heard(to, from.peer, body))
      return
    }
    if (this.#chance.happens(lies.dropped)) {
      this.#counters.count('fault: the server dropped an introduction')
      return
    }
    const name = this.#chance.happens(lies.misnamed)
      ? this.#chance.pick([...this.#meeting.endpoints.keys()])
      : from.peer
    if (name !== from.peer) this.#counters.count('fault: the server gave an introduction another name')
    const delayMs = this.#chance.fraction() ** 3 * slowMs
    this.#clock.after(delayMs, () => this.#heard(to, name, body))
    if (!this.#chance.happens(lies.replayed)) return
    this.#counters.count('fault: the server replayed an introduction')
    this.#clock.after(delayMs + this.#chance.fraction() * replayedAfterMs, () => this.#heard(to, name, body))
  }

  #heard(to: PeerId, from: PeerId, body: string): void {
    const endpoint = this.#meeting.endpoints.get(to)
    if (endpoint !== undefined) this.received(endpoint, from, body)
  }

  received(self: E, from: PeerId, body: string): void {
    const [what, attempt = ''] = body.split(' ')
    const far = this.#meeting.endpoints.get(from)
    if (far === undefined || from === self.peer || !self.isAwake() || self.dropped.has(from)) return
    const isFirst = self.peer < from
    if (what === 'invite' && isFirst && !self.channels.has(from)) this.#offer(self, from)
    if (what === 'offer' && !isFirst && attempt !== self.attempts.get(from)) {
      // Who offers has begun anew: what there was is dead at its end, as far as anybody can tell.
      if (self.channels.has(from)) this.#meeting.close(self, from)
      if (self.handlers?.admits(self.channels.size) !== true) return
      self.attempts.set(from, attempt)
      this.#say(self, from, `answer ${attempt}`)
    }
    if (what !== 'answer' || !isFirst || attempt !== self.attempts.get(from)) return
    // What goes through the mesh has a word more.
    const way = body.split(' ').length > 2 ? 'through the mesh' : 'by a server'
    if (this.#opens(self, far)) this.#counters.count(`path: channel opened by an introduction ${way}`)
  }

  #opens(a: E, b: E): boolean {
    if (a.channels.has(b.peer) || b.channels.has(a.peer) || !b.isAwake() || !this.#meeting.isWhole(a, b)) return false
    this.#meeting.open(a, b)
    return true
  }
}
