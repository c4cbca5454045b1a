/**
 * What is known of one key's past: a set of dots, kept compact as a version vector plus the dots beyond it.
 *
 * A dot names one write. The vector says "all of this actor's writes of the key up to that counter", the dots beyond are
 * those that came ahead of a gap. Without them a replica that got an actor's second write before its first would claim to
 * know both, and lose the first (the exceptions of dotted version vectors; Almeida, Shoker, Baquero 2016).
 *
 * Invariant: dots beyond the vector are ascending and never continue it, so equal sets have equal representations.
 */
import { assert } from '../assert.ts'
import { type ActorId, compareText } from '../ids.ts'

/** One write of one key: who minted it, and that actor's how-manyeth write of the key (from 1). */
export interface Dot {
  readonly actor: ActorId
  readonly counter: number
}

/** What one actor wrote, as far as known. */
export interface ActorHistory {
  /** Every counter from 1 to this one; 0 for none. */
  readonly upTo: number
  /** Counters above `upTo + 1`, ascending. */
  readonly beyond: readonly number[]
}

export type CausalHistory = ReadonlyMap<ActorId, ActorHistory>

export const emptyHistory: CausalHistory = new Map()

/** Text that is equal for equal dots, and only for those. */
export const dotName = (dot: Dot): string => `${dot.actor}:${dot.counter}`

/** Order of dots, the same on every node: by actor, then by counter. */
export function compareDots(a: Dot, b: Dot): number {
  return compareText(a.actor, b.actor) || a.counter - b.counter
}

/** Whether the dot is part of the history. */
export function covers(history: CausalHistory, dot: Dot): boolean {
  const known = history.get(dot.actor)
  return known !== undefined && (dot.counter <= known.upTo || known.beyond.includes(dot.counter))
}

/** Whether every dot of `part` is part of the history. */
export function includes(history: CausalHistory, part: CausalHistory): boolean {
  for (const [actor, { upTo, beyond }] of part) {
    const known = history.get(actor)
    if (known === undefined || known.upTo < upTo || !beyond.every((counter) => covers(history, { actor, counter })))
      return false
  }
  return true
}

/** The actors of a history in text order, as they are encoded and compared. */
export function actorsOf(history: CausalHistory): readonly (readonly [ActorId, ActorHistory])[] {
  return [...history].sort(([a], [b]) => compareText(a, b))
}

function compact(upTo: number, counters: Iterable<number>): ActorHistory {
  const ahead = [...new Set(counters)].filter((counter) => counter > upTo).sort((a, b) => a - b)
  let reached = upTo
  let joined = 0
  while (ahead[joined] === reached + 1) {
    reached += 1
    joined += 1
  }
  return { upTo: reached, beyond: ahead.slice(joined) }
}

/** The history with one more dot. */
export function withDot(history: CausalHistory, dot: Dot): CausalHistory {
  assert(Number.isSafeInteger(dot.counter) && dot.counter >= 1, 'counters are counted from one')
  return unite(history, new Map([[dot.actor, compact(0, [dot.counter])]]))
}

/** All dots of both: commutative, associative, idempotent. */
export function unite(a: CausalHistory, b: CausalHistory): CausalHistory {
  if (a === b || b.size === 0) return a
  if (a.size === 0) return b
  const united = new Map(a)
  for (const [actor, theirs] of b) {
    const ours = united.get(actor)
    if (ours === undefined) united.set(actor, theirs)
    else united.set(actor, compact(Math.max(ours.upTo, theirs.upTo), [...ours.beyond, ...theirs.beyond]))
  }
  return united
}
