/**
 * Late though received: values told as late that an owner had received, and that were overwritten with full knowledge.
 *
 * They are counted, and are no violation. An owner may lose its rows, or its ownership, and with them what it knew of
 * that. A former owner has forgotten it, and a node that takes over from one tells what it cannot judge.
 */
import { byKey } from './checker.ts'
import type { Operation } from './history.ts'
import { Sight } from './sight.ts'

/** How many of the values told as `late` owners had acknowledged before an acknowledged write overwrote them. */
export function lateThoughReceived(operations: readonly Operation[], late: ReadonlySet<string>): number {
  let count = 0
  for (const ofKey of byKey(operations).values()) {
    const sight = new Sight(ofKey)
    const acknowledged = ofKey.filter(({ type, status }) => type !== 'get' && status === 'ok')
    const overwritten = new Set(acknowledged.flatMap(({ vid = '' }) => [...sight.covers(vid)]))
    const isCounted = ({ vid = '', quorum, pw = 0 }: Operation) =>
      late.has(vid) && quorum === true && pw > 0 && overwritten.has(vid)
    count += acknowledged.filter(isCounted).length
  }
  return count
}
