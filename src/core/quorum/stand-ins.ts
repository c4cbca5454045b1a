/**
 * Whose place a fallback takes (Dynamo, section 4.6): each write that an owner did not take is held for it by
 * somebody else.
 */
import type { NodeId } from '../ids.ts'
import type { Answer } from './decision.ts'

export interface Candidate {
  readonly node: NodeId
  readonly role: 'owner' | 'fallback'
  readonly answer: Answer
  /** The owners this candidate was asked to hold a hint for. */
  readonly hintFor: readonly NodeId[]
}

/** Owners that have failed, are slow, or answered without counting: the write has yet to reach them for good. */
const isMissing = ({ role, answer }: Candidate): boolean =>
  role === 'owner' && (answer === 'failed' || answer === 'slow' || answer === 'uncounted')

/**
 * Which owners a fallback that is about to be asked stands in for: the first missing one nobody stands in for yet, or
 * all missing ones where each has somebody already.
 */
export function standInFor(candidates: readonly Candidate[]): readonly NodeId[] {
  const missing = candidates.filter(isMissing).map((candidate) => candidate.node)
  const open = missing.filter((owner) => !isHinted(candidates, owner))
  return open.length > 0 ? open.slice(0, 1) : missing
}

/** Owners that neither have the write nor have anybody who holds it for them: the coordinator must. */
export function uncovered(candidates: readonly Candidate[]): readonly NodeId[] {
  return candidates
    .filter(
      (candidate) => candidate.role === 'owner' && candidate.answer !== 'counted' && candidate.answer !== 'uncounted',
    )
    .map((candidate) => candidate.node)
    .filter((owner) => !candidates.some((other) => other.answer === 'counted' && other.hintFor.includes(owner)))
}

/**
 * In how many places, nodes or devices, a write is for certain. A hint goes home some time, and its copy with it:
 * perhaps to a place that has one already. So this is the least there can be, whichever hints have gone. `copies`:
 * who has it, and for whom (nobody: its own).
 */
export function fewestPlaces(
  copies: readonly (readonly [NodeId, readonly NodeId[]])[],
  placeOf: (node: NodeId) => unknown,
  on: ReadonlySet<unknown> = new Set(),
): number {
  const [copy, ...others] = copies
  if (copy === undefined) return on.size
  const [holder, owners] = copy
  const here = fewestPlaces(others, placeOf, new Set([...on, placeOf(holder)]))
  if (owners.length === 0) return here
  return Math.min(here, fewestPlaces(others, placeOf, new Set([...on, ...owners.map(placeOf)])))
}

function isHinted(candidates: readonly Candidate[], owner: NodeId): boolean {
  return candidates.some(
    ({ hintFor, answer }) =>
      hintFor.includes(owner) && (answer === 'counted' || answer === 'waiting' || answer === 'slow'),
  )
}
