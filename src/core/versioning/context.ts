/**
 * Context: the state a reader saw, which it hands back with the write that builds on it (Dynamo, section 4.1).
 *
 * A context is the history of the record that the reader got. It names the dot of every sibling in it. Its time is the
 * greatest among them, so the write is later than all it saw, on any coordinator. Its horizon says up to when the
 * answering replicas may have pruned names. A later read that must see as much compares the horizon, which covers no
 * write.
 */
import type { ActorId, HybridTime } from '../ids.ts'
import { type CausalHistory, emptyHistory, includes, neededUntil, withWrite } from './causal-history.ts'
import { hybridZero } from './hybrid-time.ts'
import type { Record, Sibling } from './record.ts'

/** The part of a key's past that a reader or a replica has seen. */
export interface Reach {
  readonly history: CausalHistory
  /** Names of writes up to then may be pruned; 0 for none. */
  readonly horizon: HybridTime
}

export interface SeenContext extends Reach {
  readonly time: HybridTime
  /** Actors whose siblings the reader saw, and its write overwrites. */
  readonly siblings: readonly ActorId[]
}

/** The reach of a node that has seen nothing. */
export const noReach: Reach = { history: emptyHistory, horizon: hybridZero }

/** The context of a blind write. */
export const blindContext: SeenContext = { ...noReach, time: hybridZero, siblings: [] }

/**
 * The context of a read that returned `record`, from replicas that may have pruned names up to `horizon`. That of a
 * write is the context of its delta: all that its writer had seen and the write itself, never what others wrote.
 */
export function contextOf({ history, siblings }: Record, horizon: HybridTime = hybridZero): SeenContext {
  const time = siblings.reduce((latest, sibling) => Math.max(latest, sibling.time), hybridZero as number)
  return {
    history: siblings.reduce(withWrite, history),
    horizon,
    time: time as HybridTime,
    siblings: [...new Set(siblings.map(({ dot }) => dot.actor))],
  }
}

/**
 * A put or delete as it is sent: it covers exactly what its writer saw. The names of the siblings it overwrites stay
 * needed as long as its own. Otherwise an old copy of one could come back beside the write that replaced it.
 */
export function delta({ history, siblings }: Pick<SeenContext, 'history' | 'siblings'>, sibling: Sibling): Record {
  return { history: withWrite(neededUntil(history, siblings, sibling.time), sibling), siblings: [sibling] }
}

/**
 * True if `reach` has seen all that a reader had. Names of overwritten writes may be pruned up to the horizon. The
 * siblings the reader saw must be named still, as held ones are: a horizon says nothing about what a replica has
 * received. A lagging replica may name all that the reader does, and yet hold what others have forgotten to be
 * overwritten. So its horizon must be as late.
 */
export function reaches(reach: Reach, seen: Reach & Pick<SeenContext, 'siblings'>): boolean {
  return reach.horizon >= seen.horizon && includes(reach.history, seen.history, reach.horizon, seen.siblings)
}
