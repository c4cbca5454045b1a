/**
 * The port of the membership machine (Dynamo, section 4.8): its messages, and the services it needs of its host.
 *
 * Sending and chance are calls to the host. Timers are data: the host gives each back when it is due.
 */
import { bounds } from '../bounds.ts'
import type { NodeId, PeerId } from '../ids.ts'
import type { Claim } from './claims.ts'
import type { News } from './news.ts'
import { presets, type Timing } from './timing.ts'

/**
 * A message between members. News rides on every one.
 *
 * `ping-request`: probe `target` for me. `nack`: the member that was asked is in reach, and will probe. It sends this
 * at once, since a hidden tab's timers would be late with it.
 */
export interface SwimMessage {
  readonly type: (typeof swimMessageTypes)[number]
  /** Number of the probe it belongs to. 0 for news alone. */
  readonly sequence: number
  /** The member to probe. Null unless this is a ping-request. */
  readonly target: NodeId | null
  readonly news: readonly News[]
}

export const swimMessageTypes = ['ping', 'ack', 'ping-request', 'nack', 'news'] as const

/** A timer: the task to run when it fires. */
export interface SwimTimer {
  readonly task:
    | { readonly kind: 'probe' }
    | { readonly kind: 'gossip' }
    | { readonly kind: 'ping timeout'; readonly sequence: number }
    | { readonly kind: 'probe end'; readonly sequence: number }
    | { readonly kind: 'suspicion'; readonly node: NodeId; readonly stamp: number }
  /** The time at which it should fire, ms. */
  readonly due: number
  /** True if it fired late before, and was set again. */
  readonly again: boolean
}

/** The services of the host. */
export interface SwimPort {
  /** Sends to a linked member. Drops the message if the link has gone. */
  send(to: NodeId, message: SwimMessage): void
  /** Gives the timer to `Swim.fired` after so many ms. */
  after(delayMs: number, timer: SwimTimer): void
  /** Members with an open link, in any status. */
  linked(): readonly NodeId[]
  isLinked(node: NodeId): boolean
  /** A claim has changed this node's belief about its member. `by` made the claim. */
  changed(claim: Claim, by: NodeId): void
  /** Others had declared this node out, and placed keys without it. */
  wasOut(): void
  /** Another boot lives under this node's name. */
  copied(peer: PeerId): void
  /** Uniform in [0, 1). */
  chance(): number
}

export interface SwimOptions extends Timing {
  readonly graceMs: number
  readonly linksMax: number
  /** Lifeguard's knobs and the rule for late timers. Measurements switch them off. */
  readonly healthLevels: number
  readonly suspicionMaxFactor: number
  readonly lateTimerMs: number
  /**
   * Lifeguard's buddy system. Every message tells a suspect of its suspicion, and it is probed once more before it is
   * declared dead.
   */
  readonly reminds: boolean
}

export const swimDefaults: SwimOptions = {
  ...presets.internet,
  graceMs: bounds.graceMs,
  linksMax: bounds.linksMax,
  healthLevels: bounds.healthLevels,
  suspicionMaxFactor: bounds.suspicionMaxFactor,
  lateTimerMs: bounds.lateTimerMs,
  reminds: true,
}
