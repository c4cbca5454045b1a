/**
 * Horizon: up to when an owner may prune tombstones, and names of overwritten writes (not in the paper).
 *
 * It lies one retention before the time at which every other owner had given all it had. The slowest of their clocks
 * counts. A member that is out of reach may hold writes that the others never saw. So an owner waits for it for one
 * retention, and no longer. A horizon decides what may be pruned, and never which writes survive (`acceptance.ts`). All
 * times are ms of a wall clock, except those that are hybrid.
 */
import type { HybridTime, NodeId } from '../ids.ts'
import { hybridAt } from '../versioning/hybrid-time.ts'

/** The absence of one member. `since`: its begin. `backAt`: the return of the member, 0 for not yet. */
export interface Absence {
  readonly since: number
  readonly backAt: number
}

export type Absences = ReadonlyMap<NodeId, Absence>

/** A look at the members. */
export interface Look {
  readonly wallMs: number
  /** The time of the look before, 0 for none. */
  readonly lookedAt: number
  /** The usual pause between two looks. */
  readonly stepMs: number
  readonly retentionMs: number
}

/** The absences after a look. `members`: the other members that have not left. */
export function absencesAfter(
  before: Absences,
  members: ReadonlyMap<NodeId, 'here' | 'absent'>,
  { wallMs, lookedAt, stepMs, retentionMs }: Look,
): Absences {
  const after = new Map(before)
  for (const [node, state] of members) {
    const absence = before.get(node)
    // The member may have gone right after the look before.
    if (state === 'absent') after.set(node, { since: absence?.since ?? (lookedAt || wallMs), backAt: 0 })
    else if (absence?.backAt === 0) after.set(node, { ...absence, backAt: wallMs })
    // A member that is back has a step to give what it had. Looks are not evenly spaced, so half a step is the measure.
    else if (absence !== undefined && wallMs - absence.backAt > stepMs / 2) after.delete(node)
  }
  for (const [node, { since }] of before) if (!members.has(node) && wallMs - since > retentionMs) after.delete(node)
  return after
}

/**
 * The limit that absent members set. Each absence of at most one retention holds the horizon back to its begin, less
 * the retention.
 */
export function limitOf(absences: Absences, { wallMs, retentionMs }: Pick<Look, 'wallMs' | 'retentionMs'>): HybridTime {
  const since = [...absences.values()].map((each) => each.since).filter((at) => wallMs - at <= retentionMs)
  return hybridAt(Math.min(wallMs, ...since) - retentionMs)
}

/**
 * The horizon of a partition. `given`: for each other owner, its clock, less its retention, when it had last given all
 * it had; 0 for never.
 */
export const horizonOf = (limit: HybridTime, given: readonly HybridTime[]): HybridTime =>
  Math.min(limit, ...given) as HybridTime
