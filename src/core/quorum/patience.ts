/**
 * How long a coordinator waits for a node before it asks another one besides (Dynamo, section 4.5; hedged requests:
 * Dean and Barroso, "The Tail at Scale", 2013). As long as all but the slowest hundredth of this node's own recent
 * answers took.
 */
import { bounds } from '../bounds.ts'

/** A node's answer times with one more, ms; the oldest goes where there are enough. */
export const withAnswer = (times: readonly number[], ms: number): readonly number[] =>
  [...times, ms].slice(-bounds.answerTimesKept)

/**
 * The patience for a node that took so long for its last answers, in a request that may take `timeoutMs`: half of which
 * are left to the one that is asked besides. A node that has not answered yet gets the most.
 */
export function patienceMs(times: readonly number[], timeoutMs: number): number {
  const ascending = [...times].sort((a, b) => a - b)
  const usual = ascending[Math.ceil(0.99 * ascending.length) - 1] ?? bounds.patienceMsMax
  return Math.min(Math.max(usual, bounds.patienceMsMin), bounds.patienceMsMax, timeoutMs / 2)
}
