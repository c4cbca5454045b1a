/**
 * Acceptance: what an owner does with values that it lacks and somebody else holds (design: forgetting).
 *
 * A value that the owner's history names was overwritten. A value that the owner had received before, and lacks now,
 * was overwritten too, by a write whose names are pruned by now. From a put, a hint or an exchange the owner takes in
 * every other value as it is, whatever its age, with its dot and time. Where the owner may have pruned the names of
 * an overwriting write, the value is *late*, and the application hears of it. Read repair has no terms: it brings
 * nothing that old, the next exchange does.
 */
import type { HybridTime } from '../ids.ts'
import { type CausalHistory, emptyHistory, names, withWrite } from '../versioning/causal-history.ts'
import { holdsDot, join, type Record, type Sibling, unknownTo } from '../versioning/record.ts'

/** A write on its way, or kept as a hint; what a replica holds, in an exchange; what a read has found. */
export type Origin = 'written' | 'exchanged' | 'read'

/** On which terms a record comes. */
export interface Terms {
  readonly origin: Origin
  /** Whether the owner had received all values of the record before: then it has had those that it lacks. */
  readonly received: boolean
  /** Up to then the owner may have pruned names. */
  readonly floor: HybridTime
  /** Floor of a giver that does not own the partition, and so takes nothing in; 0 for an owner. */
  readonly giverFloor: HybridTime
}

export interface Acceptance {
  readonly record: Record
  /** Whether a value or tombstone came that was not here. */
  readonly isNews: boolean
  /** Values that are here now, although somebody may have forgotten that they were overwritten. */
  readonly late: readonly Sibling[]
  /** Names of what the giver holds and is to drop, or null for nothing. */
  readonly overwritten: CausalHistory | null
}

/** What becomes of the owner's record when another one comes. */
export function accept(mine: Record, incoming: Record, terms: Terms): Acceptance {
  const unknown = unknownTo(mine, incoming)
  const isOld = ({ time }: Sibling) => time <= terms.floor
  // A read carries no terms of the replicas it asked: what they may have forgotten is for an exchange to settle.
  if (terms.origin === 'read' && unknown.some(isOld))
    return { record: mine, isNews: false, late: [], overwritten: null }
  const isOverwritten = terms.origin === 'exchanged' && terms.received && unknown.length > 0
  const taken = isOverwritten
    ? { ...incoming, siblings: incoming.siblings.filter((sibling) => !unknown.includes(sibling)) }
    : incoming
  const fresh = isOverwritten ? [] : unknown
  return {
    record: join(mine, taken),
    isNews: fresh.length > 0,
    late: [...fresh.filter(isOld), ...leftHere(mine, incoming, terms)].filter(({ kind }) => kind === 'value'),
    overwritten: isOverwritten ? unknown.reduce(withWrite, emptyHistory) : null,
  }
}

/**
 * Values that the owner has and a giver lacks which holds the key, takes nothing in, and may have forgotten their
 * names.
 */
function leftHere(mine: Record, incoming: Record, { giverFloor }: Terms): readonly Sibling[] {
  if (incoming.siblings.length === 0) return []
  return mine.siblings.filter(
    ({ dot, time }) => time <= giverFloor && !names(incoming.history, dot) && !holdsDot(incoming, dot),
  )
}
