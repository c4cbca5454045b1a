/**
 * In sync: the copy of an owner is complete, so its answers count for r and w (Dynamo, section 4.9).
 *
 * Every node within reach that may have a copy has to give it. A new owner has never had a complete copy. It also needs
 * a majority of the former owners: they took the writes that were acknowledged before.
 */
import type { NodeId } from '../ids.ts'

interface Copies {
  /** The nodes that have given all they have since the owner began to fetch. */
  readonly givers: ReadonlySet<NodeId>
  /** The nodes within reach that may have a copy. */
  readonly sources: readonly NodeId[]
  /** The former owners, for a new owner. Empty for one whose copy was complete once. */
  readonly former: readonly NodeId[]
}

/** True if an owner that has been given these copies has all there is to have. */
export function isComplete({ givers, sources, former }: Copies): boolean {
  if (sources.some((source) => !givers.has(source))) return false
  return former.length === 0 || 2 * former.filter((node) => givers.has(node)).length > former.length
}
