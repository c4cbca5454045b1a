/**
 * Hybrid logical time: wall time that never repeats and never goes back at one node (Kulkarni and others, 2014; not in
 * the paper).
 *
 * It is later than any time the node has seen. So a write that saw another is the later one for last-write-wins, even
 * with a slow wall clock. One number: milliseconds times 1024, plus ticks within the millisecond. Exact until the year
 * 2109 (`bounds.hybridTimeMax`).
 */
import { bounds } from '../bounds.ts'
import type { HybridTime } from '../ids.ts'

const ticksPerMs = 1024

export const hybridZero: HybridTime = 0 as HybridTime

/** The first time of a wall clock's millisecond. */
export function hybridAt(wallMs: number): HybridTime {
  return Math.min(bounds.hybridTimeMax, Math.max(0, Math.floor(wallMs)) * ticksPerMs) as HybridTime
}

/** The wall clock's millisecond of a time. */
export const wallOf = (time: HybridTime): number => Math.floor(time / ticksPerMs)

/** The time of a new write, given the latest time known and the wall clock in ms. */
export function nextTime(latest: HybridTime, wallMs: number): HybridTime {
  return Math.min(bounds.hybridTimeMax, Math.max(latest + 1, hybridAt(wallMs))) as HybridTime
}

/**
 * The latest time known after `seen` arrived. A time too far ahead of our wall clock is ignored: one wrong clock must
 * not push all others.
 */
export function observeTime(latest: HybridTime, seen: HybridTime, wallMs: number): HybridTime {
  const believable = seen <= (wallMs + bounds.hybridTimeAheadMs) * ticksPerMs
  return believable && seen > latest ? seen : latest
}
