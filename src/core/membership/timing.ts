/**
 * Waits of membership: SWIM's intervals as Lifeguard stretches them (Dadgar, Phillips, Currey 2018).
 *
 * Logarithms are interpolated between powers of two, with sums and products only. `Math.log` may differ between
 * engines, and a simulated run must be the same in all of them.
 */
import { bounds } from '../bounds.ts'

/** Intervals that depend on the distance between members. */
export interface Timing {
  /** Pause between two probes, and the wait of a probe for its answer, ms. */
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  /** Pause between two rounds of news, ms. */
  readonly gossipIntervalMs: number
}

/**
 * `internet` suits every ring. `local` finds failures twice as fast, if all tabs are on one machine and in the
 * foreground.
 */
export const presets: { readonly internet: Timing; readonly local: Timing } = {
  internet: {
    probeIntervalMs: bounds.probeIntervalMs,
    probeTimeoutMs: bounds.probeTimeoutMs,
    gossipIntervalMs: bounds.gossipIntervalMs,
  },
  local: {
    probeIntervalMs: bounds.probeIntervalMs / 2,
    probeTimeoutMs: bounds.probeTimeoutMs / 2,
    gossipIntervalMs: bounds.gossipIntervalMs / 2,
  },
}

const log2Of10 = 3.321928094887362

/** The logarithm to base two of a number of one or more, at most 0.09 too small. */
export function log2(value: number): number {
  let whole = 0
  let rest = Math.max(1, value)
  while (rest >= 2) {
    rest /= 2
    whole += 1
  }
  return whole + (rest - 1)
}

/** The number of messages that carry a piece of news, in a ring of so many members. */
export function transmissions(members: number): number {
  return bounds.newsFactor * Math.ceil(log2(members + 1) / log2Of10)
}

/** Confirmations that bring a suspicion to its shortest time. 0 if the ring has too few members for so many. */
export function confirmationsWanted(members: number): number {
  const wanted = bounds.suspicionFactor - 2
  return members - 2 < wanted ? 0 : wanted
}

/** The time a suspect has to refute, ms, when `confirmations` other members suspect it too. */
export function suspicionMs(
  timing: Timing,
  members: number,
  confirmations: number,
  maxFactor: number = bounds.suspicionMaxFactor,
): number {
  const least = bounds.suspicionFactor * Math.max(1, log2(members) / log2Of10) * timing.probeIntervalMs
  const wanted = confirmationsWanted(members)
  if (wanted === 0) return least
  const most = maxFactor * least
  return Math.max(least, most - ((most - least) * log2(confirmations + 1)) / log2(wanted + 1))
}

/** Pause between two exchanges of whole member lists, ms. */
export function pushPullMs(members: number): number {
  return bounds.pushPullIntervalMs * Math.max(1, Math.ceil(log2(members)) - 4)
}
