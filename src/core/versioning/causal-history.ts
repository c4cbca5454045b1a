/**
 * Causal history: the writes of one key that a record or a reader knows (Dynamo, section 4.4, vector clocks made
 * exact).
 *
 * A dot names one write. A version vector says "all of this actor's writes of the key up to that counter"; dots beyond
 * it came ahead of a gap. A replica may get an actor's second write before its first. A vector alone would then claim
 * both, and lose the first (dotted version vectors; Almeida, Shoker, Baquero 2016). Names of old writes are pruned, or
 * a history would grow with every writer. A pruned history covers less, never more. `core/acceptance` decides about
 * writes no longer named.
 *
 * Invariant: dots beyond the vector are ascending and never continue it.
 */
import { assert } from '../assert.ts'
import { type ActorId, compareText, type HybridTime } from '../ids.ts'

/** One write of one key: the actor that minted it, and the count of that actor's writes of the key, from 1. */
export interface Dot {
  readonly actor: ActorId
  readonly counter: number
}

/** The part that every write carries. */
export interface Written {
  readonly dot: Dot
  readonly time: HybridTime
}

/** The known writes of one actor. */
export interface ActorHistory {
  /** Every counter from 1 to this one; 0 for none. */
  readonly upTo: number
  /** Counters above `upTo + 1`, ascending. */
  readonly beyond: readonly number[]
  /**
   * The time until which these names are needed: the latest time among these writes and those that overwrote one of
   * them.
   */
  readonly last: HybridTime
}

export interface CausalHistory {
  readonly actors: ReadonlyMap<ActorId, ActorHistory>
}

export const emptyHistory: CausalHistory = { actors: new Map() }

/** Text that is equal for equal dots, and only for those. */
export const dotName = (dot: Dot): string => `${dot.actor}:${dot.counter}`

/** Order of dots, the same on every node: by actor, then by counter. */
export function compareDots(a: Dot, b: Dot): number {
  return compareText(a.actor, b.actor) || a.counter - b.counter
}

/** True if the history names the dot: it knows the write. The write is overwritten if no sibling has that dot. */
export function names({ actors }: CausalHistory, dot: Dot): boolean {
  const known = actors.get(dot.actor)
  return known !== undefined && (dot.counter <= known.upTo || known.beyond.includes(dot.counter))
}

/**
 * True if `history` names every write that `part` names. Actors whose names are not needed after `horizon` are skipped,
 * except those in `needed`.
 */
export function includes(
  history: CausalHistory,
  part: CausalHistory,
  horizon: HybridTime = 0 as HybridTime,
  needed: readonly ActorId[] = [],
): boolean {
  for (const [actor, { upTo, beyond, last }] of part.actors) {
    if (last <= horizon && !needed.includes(actor)) continue
    const known = history.actors.get(actor)
    if (known === undefined || known.upTo < upTo || !beyond.every((counter) => names(history, { actor, counter })))
      return false
  }
  return true
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
  return unite(history, { actors: new Map([[dot.actor, compact(0, [dot.counter], time)]]) })
}

/**
 * The history without the actors whose names are not needed after `horizon`, except those in `kept`. The same object if
 * all are needed.
 */
export function pruned(history: CausalHistory, horizon: HybridTime, kept: ReadonlySet<ActorId>): CausalHistory {
  const needed = [...history.actors].filter(([actor, { last }]) => last > horizon || kept.has(actor))
  return needed.length === history.actors.size ? history : { actors: new Map(needed) }
}

/** The history without the names of these actors. */
export function withoutActors(history: CausalHistory, actors: ReadonlySet<ActorId>): CausalHistory {
  return { actors: new Map([...history.actors].filter(([actor]) => !actors.has(actor))) }
}

/**
 * The history in which the names of `actors` are needed until `time` at least. A write of that time overwrites one of
 * theirs.
 */
export function neededUntil(history: CausalHistory, actors: Iterable<ActorId>, time: HybridTime): CausalHistory {
  const renewed = new Map(history.actors)
  for (const actor of actors) {
    const known = renewed.get(actor)
    if (known !== undefined && known.last < time) renewed.set(actor, { ...known, last: time })
  }
  return { actors: renewed }
}

/** The history of all writes that either names: commutative, associative, idempotent. */
export function unite(a: CausalHistory, b: CausalHistory): CausalHistory {
  if (a === b || b.actors.size === 0) return a
  if (a.actors.size === 0) return b
  const united = new Map(a.actors)
  for (const [actor, theirs] of b.actors) {
    const ours = united.get(actor)
    if (ours === undefined) united.set(actor, theirs)
    else {
      const last = Math.max(ours.last, theirs.last) as HybridTime
      united.set(actor, compact(Math.max(ours.upTo, theirs.upTo), [...ours.beyond, ...theirs.beyond], last))
    }
  }
  return { actors: united }
}

/** True if the history names no write. */
export const isBlank = ({ actors }: CausalHistory): boolean => actors.size === 0
