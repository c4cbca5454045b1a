/**
 * Sensible values of n, r and w (Dynamo, section 4.5).
 *
 * n is bounded by `bounds.nMax`, and r and w by n. A cluster that names only n gets a majority of it for both.
 */
import { bounds } from '../bounds.ts'

export interface QuorumSizes {
  readonly n: number
  readonly r: number
  readonly w: number
}

/** The paper's usual configuration (section 6). */
export const defaultQuorum: QuorumSizes = { n: 3, r: 2, w: 2 }

/** The fault of these sizes as text, or null. r + w may be at most n: the application chooses. */
export function quorumFault({ n, r, w }: QuorumSizes): string | null {
  if (!Number.isInteger(n) || n < 1 || n > bounds.nMax)
    return `n must be a whole number from 1 to ${bounds.nMax}, not ${String(n)}`
  return countFault('r', r, 1, n) ?? countFault('w', w, 1, n)
}

/** The fault of one demanded number of nodes as text, or null. */
export function countFault(name: string, count: number, least: number, n: number): string | null {
  const isCount = Number.isInteger(count) && count >= least && count <= n
  return isCount ? null : `${name} must be a whole number from ${least} to n = ${n}, not ${String(count)}`
}

/** The default of r or w for a cluster of this n: a majority of n, at most the usual 2. */
export function defaultFor(n: number): number {
  return Math.min(defaultQuorum.r, Math.floor(n / 2) + 1)
}
