/**
 * What the membership machine says, and what it needs of its host: sending, timers as data, chance.
 */
import { bounds } from '../bounds.ts'
import type { NodeId, PeerId } from '../ids.ts'
import type { Claim } from './claims.ts'
import type { News } from './news.ts'
import { presets, type Timing } from './timing.ts'

/**
 * What members say to each other. `ping-request`: probe `target` for me. `nack`: I do, so I am within your reach,
 * whatever becomes of it; at once, since a hidden tab's timers would be late with it. News rides on everything.
 */
export interface SwimMessage {
  readonly type: (typeof swimMessageTypes)[number]
  /** Of the probe it belongs to; 0 for news alone. */
  readonly sequence: number
  /** Of a ping-request. */
  readonly target: NodeId | null
  readonly news: readonly News[]
}

export const swimMessageTypes = ['ping', 'ack', 'ping-request', 'nack', 'news'] as const

/** What a timer is for; it is given back when it fires. */
export interface SwimTimer {
  readonly task:
    | { readonly kind: 'probe' }
    | { readonly kind: 'gossip' }
    | { readonly kind: 'ping timeout'; readonly sequence: number }
    | { readonly kind: 'probe end'; readonly sequence: number }
    | { readonly kind: 'suspicion'; readonly node: NodeId; readonly stamp: number }
  /** When it should fire. */
  readonly due: number
  /** It fired late before. */
  readonly again: boolean
}

/** What the machine needs of its host. */
export interface SwimPort {
  /** Sends to a linked member, or to nobody if the link has gone. */
  send(to: NodeId, message: SwimMessage): void
  /** Gives the timer to `fired` after so many ms. */
  after(delayMs: number, timer: SwimTimer): void
  /** Members with an open link, whatever is believed of them. */
  linked(): readonly NodeId[]
  isLinked(node: NodeId): boolean
  /** A claim has changed what is believed of its member; `by` made it. */
  changed(claim: Claim, by: NodeId): void
  /** Others had given this member up, and placed keys without it. */
  wasOut(): void
  /** Another boot lives under this member's name. */
  copied(peer: PeerId): void
  /** Uniform in [0, 1). */
  chance(): number
}

export interface SwimOptions extends Timing {
  readonly graceMs: number
  readonly linksMax: number
  /** Lifeguard's knobs and the rule for late timers, which measurements switch off. */
  readonly healthLevels: number
  readonly suspicionMaxFactor: number
  readonly lateTimerMs: number
  /**
   * Lifeguard's buddy system: a suspect is told that it is one with every word, and once more before it is declared
   * dead.
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
