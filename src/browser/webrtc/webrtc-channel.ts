/**
 * One WebRTC data channel to one peer, from the first signal to the end (not in the paper).
 *
 * Only this file knows simple-peer, which waits for ever if no candidate pair exists. So an attempt has a deadline of
 * its own, and ends soon if this browser gathers no candidate at all. A description waits a moment for the addresses of
 * this end and takes them along, which saves messages. Frames go out one after the other as the channel's buffer
 * drains.
 */
import SimplePeer from 'simple-peer/simplepeer.min.js'
import { bounds } from '../../core/bounds.ts'
import { Reassembler } from '../../core/wire/frames.ts'
import { SendQueue } from '../../core/wire/send-queue.ts'
import type { Clock, CloseReason, Lane } from '../../ports.ts'
import type { Signal } from './signal-body.ts'

export interface ChannelHandlers {
  opened(binding: Uint8Array | null): void
  /** Called once, also for an attempt that never opened. */
  closed(reason: CloseReason): void
  message(message: Uint8Array): void
  /** A description or candidate for the other end. */
  signal(signal: object): void
}

export class WebRtcChannel {
  readonly #queue = new SendQueue()
  readonly #reassembler = new Reassembler()
  readonly #handlers: ChannelHandlers
  readonly #peer: SimplePeer
  readonly #cancelDeadline: () => void
  #cancelOffer = () => {}
  #connection: RTCPeerConnection | undefined
  #candidates = 0
  #open = false
  /** This end has sent its offer, or its answer. Addresses found later follow one by one. */
  #hasDescribed = false
  /** The other end has sent its offer, or has answered ours. */
  #isDescribed = false
  #ended = false
  #sending = false

  constructor(role: 'initiator' | 'responder', config: RTCConfiguration, clock: Clock, handlers: ChannelHandlers) {
    this.#handlers = handlers
    const watch = (connection: RTCPeerConnection) => this.#watch(connection, clock)
    class WatchedConnection extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        watch(this)
      }
    }
    const wrtc = { RTCPeerConnection: WatchedConnection, RTCSessionDescription, RTCIceCandidate }
    // Never simple-peer's default servers: no third party is contacted unasked.
    this.#peer = new SimplePeer({
      initiator: role === 'initiator',
      trickle: true,
      config: { iceServers: [], ...config },
      wrtc,
    })
    this.#cancelDeadline = clock.after(bounds.connectTimeoutMs, () => !this.#open && this.end('timeout'))
    const offerAgain = () => {
      this.#cancelOffer = clock.after(bounds.offerAgainMs, offerAgain)
      this.#describe()
    }
    if (role === 'initiator') this.#cancelOffer = clock.after(bounds.offerAgainMs, offerAgain)
    this.#peer.on('signal', (signal) => {
      if (!('candidate' in signal)) clock.after(bounds.gatherMs, () => this.#describeFirst())
      else if (this.#hasDescribed && !this.#ended) handlers.signal(signal)
    })
    this.#peer.on('connect', () => this.#opened())
    this.#peer.on('data', (data) => this.#received(data))
    // A normal close reaches the other end as an error of the channel. So an error of an open channel is just its end.
    this.#peer.on('error', () => this.end(this.#open ? 'closed' : 'failed'))
    this.#peer.on('close', () => this.end('closed'))
  }

  get isOpen(): boolean {
    return this.#open && !this.#ended
  }

  /** Counts the gathered candidates. The count tells a browser without an address from a peer that does not answer. */
  #watch(connection: RTCPeerConnection, clock: Clock): void {
    this.#connection = connection
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null && candidate.candidate !== '') this.#candidates += 1
    })
    const judge = () => {
      if (this.#candidates === 0 && !this.#open) this.end('no-route')
    }
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') {
        judge()
        this.#describeFirst()
      }
      // Chromium without any network gathers for ever. With one, its first candidate comes within milliseconds.
      else if (connection.iceGatheringState === 'gathering') clock.after(bounds.gatherTimeoutMs, judge)
    })
  }

  /**
   * Takes a signal from the other end. The other end repeats a signal if it, or the reply to it, may have been lost.
   */
  signal(signal: Signal): void {
    if (this.#ended || this.#peer.destroyed) return
    if (signal.type === 'offer' || signal.type === 'answer') {
      this.#cancelOffer()
      if (this.#isDescribed) {
        if (signal.type === 'offer') this.#describe()
        return
      }
      this.#isDescribed = true
    }
    try {
      this.#peer.signal(signal)
    } catch {
      // A stranger may have sent a candidate that makes no sense to this browser.
      this.end('malformed')
    }
  }

  #describeFirst(): void {
    if (!this.#hasDescribed) this.#describe()
  }

  /** Sends this end's description, first or again, with all addresses known by now. */
  #describe(): void {
    const description = this.#connection?.localDescription
    if (!description || this.#open || this.#ended) return
    this.#hasDescribed = true
    this.#handlers.signal({ type: description.type, sdp: description.sdp })
  }

  /** Resolves when the last frame is with the channel. */
  send(message: Uint8Array, lane: Lane): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (sent: boolean) => (sent ? resolve() : reject(new Error('the channel has closed')))
      if (!this.isOpen) reject(new Error('the channel is not open'))
      else if (!this.#queue.offer(lane, message, done)) reject(new Error('the queue of the channel is full'))
      else this.#pump()
    })
  }

  #pump(): void {
    if (this.#sending || this.#ended) return
    const frame = this.#queue.take()
    if (frame === undefined) return
    this.#sending = true
    this.#peer.write(frame, (error) => {
      this.#sending = false
      if (error) this.end('failed')
      else this.#pump()
    })
  }

  #opened(): void {
    if (this.#ended || this.#open) return
    this.#open = true
    this.#cancelDeadline()
    this.#cancelOffer()
    this.#handlers.opened(this.#binding())
  }

  /**
   * The DTLS fingerprints of both ends, in an order both know. An attacker between them has others (RFC 8827, section
   * 5.6.4).
   */
  #binding(): Uint8Array | null {
    const fingerprints = [this.#connection?.localDescription, this.#connection?.remoteDescription].map((description) =>
      /a=fingerprint:sha-256 ([0-9A-Fa-f:]+)/.exec(description?.sdp ?? '')?.[1]?.toUpperCase(),
    )
    if (fingerprints.includes(undefined)) return null
    return new TextEncoder().encode(fingerprints.sort().join(' '))
  }

  #received(data: Uint8Array): void {
    // simple-peer looks ten times a second if it is connected. The other end's first message may come before it
    // noticed.
    this.#opened()
    const taken = this.#reassembler.take(data)
    if (taken.kind === 'malformed') this.end('malformed')
    if (taken.kind === 'message' && !this.#ended) this.#handlers.message(taken.message)
  }

  /** Ends the channel or the attempt. Messages that wait to be sent are given up. */
  end(reason: CloseReason): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelDeadline()
    this.#cancelOffer()
    this.#queue.clear()
    this.#peer.destroy()
    this.#handlers.closed(reason)
  }
}
