/**
 * What a reader saw, to be handed back with the write that builds on it (Dynamo, section 4.1).
 *
 * A context is exactly the history of the record the reader got, plus the greatest hybrid time in it, so that in a
 * last-write-wins collection the write is later than all it saw, whichever node takes it.
 */
import type { HybridTime } from '../ids.ts'
import { type CausalHistory, emptyHistory, type Written, withWrite } from './causal-history.ts'
import { hybridZero } from './hybrid-time.ts'
import type { Record } from './record.ts'

export interface SeenContext {
  readonly history: CausalHistory
  readonly time: HybridTime
}

/** What a blind write has seen. */
export const blindContext: SeenContext = { history: emptyHistory, time: hybridZero }

/** The context of a read that returned `record`. */
export function contextOf(record: Record): SeenContext {
  const time = record.siblings.reduce((latest, sibling) => Math.max(latest, sibling.time), hybridZero as number)
  return { history: record.history, time: time as HybridTime }
}

/** The context after a write: what its writer had seen and the write itself, never what others wrote meanwhile. */
export function afterWrite(seen: SeenContext, written: Written): SeenContext {
  return { history: withWrite(seen.history, written), time: written.time }
}
