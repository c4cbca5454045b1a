/**
 * What is known of one key's past: a set of writes, kept compact as a version vector plus the dots beyond it, and a horizon.
 *
 * A dot names one write. The vector says "all of this actor's writes of the key up to that counter", the dots beyond are
 * those that came ahead of a gap. Without them a replica that got an actor's second write before its first would claim to
 * know both, and lose the first (the exceptions of dotted version vectors; Almeida, Shoker, Baquero 2016).
 *
 * The horizon says "every write up to that time, whoever wrote it". Of actors whose last write it reaches nothing else is kept, so
 * a history does not grow with all who ever wrote (when a horizon may be claimed is `node/forgetting.ts`'s to say).
 *
 * Invariant: dots beyond the vector are ascending and never continue it, and no actor is kept that wrote nothing after the horizon.
 */
import { assert } from '../assert.ts'
import { type ActorId, compareText, type HybridTime } from '../ids.ts'

/** One write of one key: who minted it, and that actor's how-manyeth write of the key (from 1). */
export interface Dot {
  readonly actor: ActorId
  readonly counter: number
}

/** What every write carries. */
export interface Written {
  readonly dot: Dot
  readonly time: HybridTime
}

/** What one actor wrote, as far as known. */
export interface ActorHistory {
  /** Every counter from 1 to this one; 0 for none. */
  readonly upTo: number
  /** Counters above `upTo + 1`, ascending. */
  readonly beyond: readonly number[]
  /** The time of the latest of these writes. */
  readonly last: HybridTime
}

export interface CausalHistory {
  readonly actors: ReadonlyMap<ActorId, ActorHistory>
  /** Every write up to this time is part of it; 0 for none. */
  readonly horizon: HybridTime
}

export const emptyHistory: CausalHistory = { actors: new Map(), horizon: 0 as HybridTime }

/** Text that is equal for equal dots, and only for those. */
export const dotName = (dot: Dot): string => `${dot.actor}:${dot.counter}`

/** Order of dots, the same on every node: by actor, then by counter. */
export function compareDots(a: Dot, b: Dot): number {
  return compareText(a.actor, b.actor) || a.counter - b.counter
}

/** Whether the history names the dot, the horizon aside. */
export function names({ actors }: CausalHistory, dot: Dot): boolean {
  const known = actors.get(dot.actor)
  return known !== undefined && (dot.counter <= known.upTo || known.beyond.includes(dot.counter))
}

/** Whether the write is part of the history. */
export function covers(history: CausalHistory, { dot, time }: Written): boolean {
  return time <= history.horizon || names(history, dot)
}

/**
 * Whether every write that `part` names is part of the history. The horizon of `part` is not asked for: whoever holds a write that
 * was made in the knowledge of one has that knowledge from the write.
 */
export function includes(history: CausalHistory, part: CausalHistory): boolean {
  for (const [actor, { upTo, beyond, last }] of part.actors) {
    if (last <= history.horizon) continue
    const known = history.actors.get(actor)
    if (known === undefined || known.upTo < upTo || !beyond.every((counter) => names(history, { actor, counter })))
      return false
  }
  return true
}

/**
 * Whether the history knows all that `part` does, what its horizon stands for too: what somebody has read. A replica that lags behind
 * may hold every write that `part` still names, and none of those that its horizon took the place of.
 */
export function reaches(history: CausalHistory, part: CausalHistory): boolean {
  return history.horizon >= part.horizon && includes(history, part)
}

/** The actors of a history in text order, as they are encoded and compared. */
export function actorsOf({ actors }: CausalHistory): readonly (readonly [ActorId, ActorHistory])[] {
  return [...actors].sort(([a], [b]) => compareText(a, b))
}

function compact(upTo: number, counters: Iterable<number>, last: HybridTime): ActorHistory {
  const ahead = [...new Set(counters)].filter((counter) => counter > upTo).sort((a, b) => a - b)
  let reached = upTo
  let joined = 0
  while (ahead[joined] === reached + 1) {
    reached += 1
    joined += 1
  }
  return { upTo: reached, beyond: ahead.slice(joined), last }
}

/** The history with one more write. */
export function withWrite(history: CausalHistory, { dot, time }: Written): CausalHistory {
  assert(Number.isSafeInteger(dot.counter) && dot.counter >= 1, 'counters are counted from one')
  const actors = new Map([[dot.actor, compact(0, [dot.counter], time)]])
  return unite(history, { actors, horizon: 0 as HybridTime })
}

/** The history with every write up to a time. */
export function upToHorizon(history: CausalHistory, horizon: HybridTime): CausalHistory {
  if (horizon <= history.horizon) return history
  return { actors: new Map([...history.actors].filter(([, { last }]) => last > horizon)), horizon }
}

/** All writes of both: commutative, associative, idempotent. */
export function unite(a: CausalHistory, b: CausalHistory): CausalHistory {
  if (a === b) return a
  const [left, right] = [upToHorizon(a, b.horizon), upToHorizon(b, a.horizon)]
  if (right.actors.size === 0) return left
  if (left.actors.size === 0) return right
  const united = new Map(left.actors)
  for (const [actor, theirs] of right.actors) {
    const ours = united.get(actor)
    if (ours === undefined) united.set(actor, theirs)
    else {
      const last = Math.max(ours.last, theirs.last) as HybridTime
      united.set(actor, compact(Math.max(ours.upTo, theirs.upTo), [...ours.beyond, ...theirs.beyond], last))
    }
  }
  return { actors: united, horizon: left.horizon }
}

/** Whether nothing is known of the key but that it was not written up to a time, or that this is forgotten. */
export const isBlank = ({ actors }: CausalHistory): boolean => actors.size === 0
