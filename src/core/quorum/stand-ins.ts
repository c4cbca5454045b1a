/**
 * Stand-ins: fallbacks that hold a write for owners that did not take it (Dynamo, section 4.6).
 *
 * Each such owner has a fallback with a hint for it, or the coordinator keeps one. A copy held as a hint will move to
 * its owner, so it is not counted twice.
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
 * Owners that the next fallback is asked to stand in for. That is the first missing owner without a stand-in. If every
 * missing owner has one, it stands in for all of them.
 */
export function standInFor(candidates: readonly Candidate[]): readonly NodeId[] {
  const missing = candidates.filter(isMissing).map((candidate) => candidate.node)
  const open = missing.filter((owner) => !isHinted(candidates, owner))
  return open.length > 0 ? open.slice(0, 1) : missing
}

/**
 * Owners that have not taken the write and have no stand-in that holds it: the coordinator must keep a hint for them.
 */
export function uncovered(candidates: readonly Candidate[]): readonly NodeId[] {
  return candidates
    .filter(
      (candidate) => candidate.role === 'owner' && candidate.answer !== 'counted' && candidate.answer !== 'uncounted',
    )
    .map((candidate) => candidate.node)
    .filter((owner) => !candidates.some((other) => other.answer === 'counted' && other.hintFor.includes(owner)))
}

/**
 * The least number of places, nodes or devices, that hold a write for certain. A hint goes home at some time, perhaps
 * to a place that has a copy already, and its own copy goes with it. So the count takes the worst choice of hints that
 * have gone. `copies`: each holder with the owners it holds a hint for; none for its own copy.
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
