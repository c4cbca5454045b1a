/**
 * Patience: the time a coordinator waits for one node before it asks another besides (Dynamo, section 4.5).
 *
 * It is the time within which 99 of 100 recent answers of that node came. Requests hedged this way cut the slow tail
 * (Dean and Barroso, "The Tail at Scale", 2013).
 */
import { bounds } from '../bounds.ts'

/** A node's answer times with one more, ms. Beyond `bounds.answerTimesKept` the oldest is dropped. */
export const withAnswer = (times: readonly number[], ms: number): readonly number[] =>
  [...times, ms].slice(-bounds.answerTimesKept)

/**
 * The patience, ms, with a node whose last answers took `times`. It is at most half of `timeoutMs`, so that the node
 * asked besides has the other half. A node without an answer so far gets the longest patience.
 */
export function patienceMs(times: readonly number[], timeoutMs: number): number {
  const ascending = [...times].sort((a, b) => a - b)
  const usual = ascending[Math.ceil(0.99 * ascending.length) - 1] ?? bounds.patienceMsMax
  return Math.min(Math.max(usual, bounds.patienceMsMin), bounds.patienceMsMax, timeoutMs / 2)
}
