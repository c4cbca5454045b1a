/**
 * One peer as the transport sees it: where it can be told something, and what channels there are to it.
 *
 * WebRTC is what carries messages. Where the browser offers no address to be reached at, and the peer is another tab
 * of it, the same messages go through a broadcast channel until WebRTC becomes possible; then they move over, and
 * nobody above notices.
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
  /** Rooms in which it is to be met. */
  readonly present: Set<'servers' | 'tabs'> = new Set()
  /** The mesh wants a channel to it. */
  wanted = false
  /** By which way it was heard from last. */
  way: Way | undefined
  attempt = ''
  channel: WebRtcChannel | undefined
  local: BroadcastLink | undefined
  failures = 0
  dropped = false
  /** Whether those above have been told that there is a channel. */
  told = false
  /** Calls off what is to be done for it later. */
  cancelRetry: () => void = () => {}
  readonly #early: { readonly attempt: string; readonly signal: Signal }[] = []

  constructor(peer: PeerId) {
    this.peer = peer
  }

  /** A candidate that has overtaken its offer, as may happen in the mesh. */
  keepEarly(attempt: string, signal: Signal): void {
    if (this.#early.length < bounds.earlySignalsMax) this.#early.push({ attempt, signal })
  }

  /** What came early for an attempt that begins now; the rest is old. */
  takeEarly(attempt: string): readonly Signal[] {
    return this.#early.splice(0).flatMap((each) => (each.attempt === attempt ? [each.signal] : []))
  }

  get isDesired(): boolean {
    return !this.dropped && (this.wanted || this.present.size > 0)
  }

  get isOpen(): boolean {
    return this.channel?.isOpen === true || this.local?.isOpen === true
  }

  /** One is open, or about to be. */
  get hasChannel(): boolean {
    return this.channel !== undefined || this.local !== undefined
  }

  /** No room has named it, and there is no channel to it. */
  get isUnmet(): boolean {
    return this.present.size === 0 && !this.isOpen
  }

  /** Nothing to keep it for. */
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
