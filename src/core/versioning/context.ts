/**
 * Context: what a reader saw, to be handed back with the write that builds on it (Dynamo, section 4.1).
 *
 * A context is the history of the record the reader got, and names the dot of every sibling in it. The greatest
 * hybrid time in it makes the write later than all it saw, whichever node takes it. The horizon says up to when the
 * replicas that answered may have pruned names: a later read that is to see as much compares it, and it covers no
 * write.
 */
import type { ActorId, HybridTime } from '../ids.ts'
import {
  type CausalHistory,
  emptyHistory,
  includes,
  neededUntil,
  unite,
  type Written,
  withWrite,
} from './causal-history.ts'
import { hybridZero } from './hybrid-time.ts'
import type { Record, Sibling } from './record.ts'

/** How much of a key's past somebody has seen. */
export interface Reach {
  readonly history: CausalHistory
  /** Names of writes up to then may be pruned; 0 for none. */
  readonly horizon: HybridTime
}

export interface SeenContext extends Reach {
  readonly time: HybridTime
  /** Who wrote the siblings that the reader saw, and its write overwrites. */
  readonly siblings: readonly ActorId[]
}

/** Nothing has been seen. */
export const noReach: Reach = { history: emptyHistory, horizon: hybridZero }

/** What a blind write has seen. */
export const blindContext: SeenContext = { ...noReach, time: hybridZero, siblings: [] }

/** The context of a read that returned `record`, from replicas that may have pruned names up to `horizon`. */
export function contextOf({ history, siblings }: Record, horizon: HybridTime = hybridZero): SeenContext {
  const time = siblings.reduce((latest, sibling) => Math.max(latest, sibling.time), hybridZero as number)
  return {
    history: siblings.reduce(withWrite, history),
    horizon,
    time: time as HybridTime,
    siblings: [...new Set(siblings.map(({ dot }) => dot.actor))],
  }
}

/** The context after a write: what its writer had seen and the write itself, never what others wrote meanwhile. */
export function afterWrite(seen: SeenContext, written: Written): SeenContext {
  const { horizon } = seen
  return { history: withWrite(seen.history, written), horizon, time: written.time, siblings: [written.dot.actor] }
}

/**
 * A put or delete as it is sent: it covers what its writer saw and nothing else. The names of the siblings it
 * overwrites are needed for as long as its own, or an old copy of one could come back while the write that replaced
 * it is still there.
 */
export function delta({ history, siblings }: Pick<SeenContext, 'history' | 'siblings'>, sibling: Sibling): Record {
  return { history: withWrite(neededUntil(history, siblings, sibling.time), sibling), siblings: [sibling] }
}

/** What two have seen together. */
export const uniteReach = (a: Reach, b: Reach): Reach => ({
  history: unite(a.history, b.history),
  horizon: Math.max(a.horizon, b.horizon) as HybridTime,
})

/**
 * Whether one has seen all that a reader had. Names of what was overwritten may be pruned; the siblings that the
 * reader saw have to be named, or held: a horizon says nothing of what a replica has received. One that lags behind
 * may name all that the reader does, and hold what others have forgotten to be overwritten: so its horizon has to be
 * as late.
 */
export function reaches(reach: Reach, seen: Reach & Pick<SeenContext, 'siblings'>): boolean {
  return reach.horizon >= seen.horizon && includes(reach.history, seen.history, reach.horizon, seen.siblings)
}
