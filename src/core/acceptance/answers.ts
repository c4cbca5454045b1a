/**
 * Answers: the record that a read makes of what nodes have answered (Dynamo, section 4.4: the reader reconciles).
 *
 * It is the join of all answers but for one case. A node that was away for longer than the retention holds old writes.
 * Others may have pruned the names by which they knew them for overwritten. An exchange judges such a write by what was
 * received (`acceptance.ts`). Until then a read leaves it out if one of the answers may have forgotten it. Otherwise it
 * would come back for a moment, unannounced.
 */
import type { HybridTime } from '../ids.ts'
import { compareDots, type Dot, withoutActors, withWrite } from '../versioning/causal-history.ts'
import { emptyRecord, isUnknownTo, join, type Record, type Sibling } from '../versioning/record.ts'

/** The answer of one node. */
export interface Answer {
  readonly record: Record
  /** The node owns the key, and is in sync: all that it holds has been judged. */
  readonly isOwner: boolean
  /** The time up to which the node may have pruned names. */
  readonly floor: HybridTime
}

/** The record that these answers make. */
export function recordOf(answers: readonly Answer[]): Record {
  const [owners, others] = [answers.filter(({ isOwner }) => isOwner), answers.filter(({ isOwner }) => !isOwner)]
  const judged = owners.reduce((sum, { record }) => join(sum, record), emptyRecord)
  const isForgotten = (sibling: Sibling) =>
    answers.some(({ record, floor }) => sibling.time <= floor && isUnknownTo(record, sibling))
  return others.reduce((sum, { record }) => {
    const unjudged = record.siblings.filter((sibling) => isUnknownTo(judged, sibling))
    return join(
      sum,
      without(
        record,
        unjudged.filter(isForgotten).map(({ dot }) => dot),
      ),
    )
  }, judged)
}

/** The record without some siblings, and without the names of their actors. Those of siblings that stay are kept. */
function without(record: Record, dots: readonly Dot[]): Record {
  if (dots.length === 0) return record
  const siblings = record.siblings.filter(({ dot }) => !dots.some((each) => compareDots(each, dot) === 0))
  const bare = withoutActors(record.history, new Set(dots.map(({ actor }) => actor)))
  return { history: siblings.reduce((sum, { dot, time }) => withWrite(sum, { dot, time }), bare), siblings }
}
