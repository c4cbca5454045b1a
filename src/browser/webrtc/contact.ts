/**
 * Contact: one peer as the transport sees it, with the ways and channels to it (not in the paper).
 *
 * WebRTC carries messages. If the browser offers no network address, another of its tabs is reached through a broadcast
 * channel. Once WebRTC becomes possible, messages move over to it, unnoticed by the node.
 */
import { bounds } from '../../core/bounds.ts'
import type { PeerId } from '../../core/ids.ts'
import type { Lane } from '../../ports.ts'
import type { BroadcastLink } from './broadcast-room.ts'
import type { Signal } from './signal-body.ts'
import type { WebRtcChannel } from './webrtc-channel.ts'

/** Ways by which introductions travel. */
export type Way = 'servers' | 'tabs' | 'mesh'

export class Contact {
  readonly peer: PeerId
  /** Rooms in which the peer is present. */
  readonly present: Set<'servers' | 'tabs'> = new Set()
  /** The mesh wants a channel to it. */
  wanted = false
  /** The way by which the peer was heard last. */
  way: Way | undefined
  attempt = ''
  channel: WebRtcChannel | undefined
  local: BroadcastLink | undefined
  failures = 0
  dropped = false
  /** True if the node has been told that there is a channel. */
  told = false
  /** Cancels the work planned for it. */
  cancelRetry: () => void = () => {}
  readonly #early: { readonly attempt: string; readonly signal: Signal }[] = []

  constructor(peer: PeerId) {
    this.peer = peer
  }

  /** Keeps a candidate that has overtaken its offer, as may happen in the mesh. */
  keepEarly(attempt: string, signal: Signal): void {
    if (this.#early.length < bounds.earlySignalsMax) this.#early.push({ attempt, signal })
  }

  /** Early signals of an attempt that begins now. All others are dropped as old. */
  takeEarly(attempt: string): readonly Signal[] {
    return this.#early.splice(0).flatMap((each) => (each.attempt === attempt ? [each.signal] : []))
  }

  get isDesired(): boolean {
    return !this.dropped && (this.wanted || this.present.size > 0)
  }

  get isOpen(): boolean {
    return this.channel?.isOpen === true || this.local?.isOpen === true
  }

  /** A channel is open, or about to be. */
  get hasChannel(): boolean {
    return this.channel !== undefined || this.local !== undefined
  }

  /** No room has named the peer, and there is no open channel to it. */
  get isUnmet(): boolean {
    return this.present.size === 0 && !this.isOpen
  }

  /** The contact has no channel and no purpose. */
  get isIdle(): boolean {
    return !this.hasChannel && !this.isDesired
  }

  send(message: Uint8Array, lane: Lane): Promise<void> {
    const open = this.channel?.isOpen === true ? this.channel : this.local
    return open === undefined ? Promise.reject(new Error('there is no channel to that peer')) : open.send(message, lane)
  }

  end(): void {
    this.cancelRetry()
    this.local?.end()
    this.channel?.end('closed')
  }
}
