/**
 * Acceptance: the rule for values that one replica holds and an owner lacks (not in the paper; part of its section
 * 4.7).
 *
 * A value that the owner's history names was overwritten. A value that the owner had received before, and lacks now,
 * was overwritten too: the names of the overwriting write are pruned. From a put, a hint or an exchange the owner takes
 * in every other value unchanged, with its dot and time, of any age. If the owner may have pruned the names of an
 * overwriting write, the value is *late*, and the application is told. Read repair carries no terms, so it brings no
 * value that old: the next exchange does.
 */
import type { HybridTime } from '../ids.ts'
import { type CausalHistory, emptyHistory, names, withWrite } from '../versioning/causal-history.ts'
import { holdsDot, join, type Record, type Sibling, unknownTo } from '../versioning/record.ts'

/**
 * The source of a record: `written` for a put or a hint, `exchanged` for a replica's, `read` for the result of a get.
 */
export type Origin = 'written' | 'exchanged' | 'read'

/** The circumstances under which a record arrives. */
export interface Terms {
  readonly origin: Origin
  /** Siblings of the record that the owner had received before. Those that it lacks now were overwritten. */
  readonly received: readonly Sibling[]
  /** The time up to which the owner may have pruned names. */
  readonly floor: HybridTime
  /** The floor of a giver that does not own the partition, and so takes nothing in. 0 for an owner. */
  readonly giverFloor: HybridTime
}

export interface Acceptance {
  readonly record: Record
  /** True if a value or tombstone arrived that was not here. */
  readonly isNews: boolean
  /** Values that are here now, although some node may have forgotten that they were overwritten. */
  readonly late: readonly Sibling[]
  /** Names of the values that the giver holds and should drop. Null for none. */
  readonly overwritten: CausalHistory | null
}

/** The owner's record after `incoming` has arrived, and the consequences for both sides. */
export function accept(mine: Record, incoming: Record, terms: Terms): Acceptance {
  const unknown = unknownTo(mine, incoming)
  const isOld = ({ time }: Sibling) => time <= terms.floor
  // A read carries no terms of the replicas it asked. An exchange settles what they may have forgotten.
  if (terms.origin === 'read' && unknown.some(isOld))
    return { record: mine, isNews: false, late: [], overwritten: null }
  const isOverwritten = (sibling: Sibling) => terms.origin === 'exchanged' && terms.received.includes(sibling)
  const overwritten = unknown.filter(isOverwritten)
  const fresh = unknown.filter((sibling) => !isOverwritten(sibling))
  const siblings = incoming.siblings.filter((sibling) => !overwritten.includes(sibling))
  return {
    record: join(mine, { ...incoming, siblings }),
    isNews: fresh.length > 0,
    late: [...fresh.filter(isOld), ...leftHere(mine, incoming, terms)].filter(({ kind }) => kind === 'value'),
    overwritten: overwritten.length > 0 ? overwritten.reduce(withWrite, emptyHistory) : null,
  }
}

/** Values of the owner that the giver lacks and may have forgotten. Such a giver holds the key and takes nothing in. */
function leftHere(mine: Record, incoming: Record, { giverFloor }: Terms): readonly Sibling[] {
  if (incoming.siblings.length === 0) return []
  return mine.siblings.filter(
    ({ dot, time }) => time <= giverFloor && !names(incoming.history, dot) && !holdsDot(incoming, dot),
  )
}
