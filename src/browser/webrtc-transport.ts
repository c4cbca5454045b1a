/**
 * Channels to every peer of the room, over WebRTC.
 *
 * Of each pair, the peer whose name sorts first initiates, so offers never cross. Every attempt has a random name that all its
 * signals carry; a signal of another attempt is stale and dropped. A channel that fails or closes is tried again at a growing
 * pace for as long as signaling says that the peer is there: Chromium counts dead connections for half a minute against its
 * 500, so the pace matters.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import { compareText, type PeerId } from '../core/ids.ts'
import type { Clock, CloseReason, Lane, Random, Signaling, Transport, TransportHandlers } from '../ports.ts'
import { decodeSignal, encodeSignal } from './signal-body.ts'
import { WebRtcChannel } from './webrtc-channel.ts'

interface Contact {
  readonly peer: PeerId
  /** Whether signaling says that it is there. */
  present: boolean
  attempt: string
  channel: WebRtcChannel | undefined
  failures: number
  dropped: boolean
}

export class WebRtcTransport implements Transport {
  readonly #self: PeerId
  readonly #signaling: Signaling
  readonly #config: RTCConfiguration
  readonly #clock: Clock
  readonly #random: Random
  readonly #contacts = new Map<PeerId, Contact>()
  #handlers: TransportHandlers | undefined
  #introduced: (() => void)[] = []
  #answered = false

  constructor(self: PeerId, signaling: Signaling, config: RTCConfiguration, clock: Clock, random: Random) {
    this.#self = self
    this.#signaling = signaling
    this.#config = config
    this.#clock = clock
    this.#random = random
  }

  start(handlers: TransportHandlers): void {
    if (this.#handlers !== undefined) return
    this.#handlers = handlers
    this.#signaling.join(this.#self, {
      joined: (peers) => {
        // Whoever this server did not name may still be met through another one, or over the channel that is open already.
        for (const peer of peers) this.#arrived(peer)
        this.#answered = true
        this.#review()
      },
      arrived: (peer) => this.#arrived(peer),
      gone: (peer) => {
        const contact = this.#contacts.get(peer)
        if (contact !== undefined) contact.present = false
        this.#review()
      },
      message: (from, body) => this.#signaled(from, body),
      state: (event) => {
        if (event.state !== 'open') this.#answered = true
        handlers.signaling(event)
        this.#review()
      },
    })
  }

  introduced(): Promise<void> {
    return new Promise((resolve) => {
      this.#introduced.push(resolve)
      this.#review()
    })
  }

  /** Introductions are over when signaling has answered and nobody who is there is still untried. */
  #review(): void {
    const pending = [...this.#contacts.values()].some(
      (contact) => contact.present && !contact.dropped && contact.failures === 0 && contact.channel?.isOpen !== true,
    )
    if (!this.#answered || pending) return
    for (const resolve of this.#introduced.splice(0)) resolve()
  }

  send(peer: PeerId, message: Uint8Array, lane: Lane): Promise<void> {
    const channel = this.#contacts.get(peer)?.channel
    return channel === undefined
      ? Promise.reject(new Error('there is no channel to that peer'))
      : channel.send(message, lane)
  }

  drop(peer: PeerId, how: 'for now' | 'for good'): void {
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    contact.dropped = how === 'for good'
    contact.channel?.end('closed')
  }

  close(): void {
    this.#handlers = undefined
    this.#signaling.close()
    for (const contact of this.#contacts.values()) contact.channel?.end('closed')
    this.#contacts.clear()
    this.#answered = true
    this.#review()
  }

  #arrived(peer: PeerId): void {
    if (peer === this.#self || this.#handlers === undefined) return
    const contact = this.#contactOf(peer)
    if (contact === undefined) return
    contact.present = true
    contact.failures = 0
    this.#initiate(contact)
  }

  #contactOf(peer: PeerId): Contact | undefined {
    const known = this.#contacts.get(peer)
    if (known !== undefined) return known
    for (const [old, contact] of this.#contacts) {
      const isIdle = contact.channel === undefined && (!contact.present || this.#contacts.size >= bounds.peersMax)
      if (isIdle) this.#contacts.delete(old)
    }
    if (this.#contacts.size >= bounds.peersMax) return undefined
    const contact: Contact = { peer, present: false, attempt: '', channel: undefined, failures: 0, dropped: false }
    this.#contacts.set(peer, contact)
    return contact
  }

  #initiate(contact: Contact): void {
    if (compareText(this.#self, contact.peer) > 0 || contact.channel !== undefined || contact.dropped) return
    this.#open(contact, bytesToHex(this.#random.bytes(8)), 'initiator')
  }

  #open(contact: Contact, attempt: string, role: 'initiator' | 'responder'): void {
    const { peer } = contact
    contact.attempt = attempt
    const channel = new WebRtcChannel(role, this.#config, this.#clock, {
      opened: (binding) => {
        contact.failures = 0
        this.#handlers?.opened(peer, binding)
        this.#review()
      },
      message: (message) => this.#handlers?.message(peer, message),
      signal: (signal) => this.#signaling.send(peer, encodeSignal(attempt, signal)),
      closed: (reason) => this.#closed(contact, channel, reason),
    })
    contact.channel = channel
  }

  #closed(contact: Contact, channel: WebRtcChannel, reason: CloseReason): void {
    if (contact.channel === channel) contact.channel = undefined
    contact.failures += 1
    this.#handlers?.closed(contact.peer, reason)
    this.#review()
    const pause = Math.min(bounds.reconnectLastMs, bounds.reconnectFirstMs * 2 ** (contact.failures - 1))
    this.#clock.after(pause * (0.75 + (this.#random.bytes(1)[0] ?? 0) / 512), () => {
      const wanted = contact.present && this.#handlers !== undefined && this.#contacts.get(contact.peer) === contact
      if (wanted) this.#initiate(contact)
    })
  }

  #signaled(from: PeerId, body: string): void {
    const message = decodeSignal(body)
    if (message === null || from === this.#self || this.#handlers === undefined) return
    const contact = this.#contactOf(from)
    if (contact === undefined || contact.dropped) return
    const isOffer = message.signal.type === 'offer'
    if (isOffer && message.attempt !== contact.attempt && compareText(this.#self, from) > 0) {
      // The initiator began anew, so what we had is dead at its end.
      contact.channel?.end('closed')
      this.#open(contact, message.attempt, 'responder')
    }
    if (message.attempt === contact.attempt) contact.channel?.signal(message.signal)
  }
}
