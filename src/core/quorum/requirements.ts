/**
 * Which n, r and w make sense (Dynamo, section 4.5).
 */
import { bounds } from '../bounds.ts'

export interface QuorumSizes {
  readonly n: number
  readonly r: number
  readonly w: number
}

/** The paper's usual configuration (section 6). */
export const defaultQuorum: QuorumSizes = { n: 3, r: 2, w: 2 }

/** What is wrong with these sizes, or null. r + w need not exceed n: that is the application's choice. */
export function quorumFault({ n, r, w }: QuorumSizes): string | null {
  if (!Number.isInteger(n) || n < 1 || n > bounds.nMax)
    return `n must be a whole number from 1 to ${bounds.nMax}, not ${String(n)}`
  return countFault('r', r, 1, n) ?? countFault('w', w, 1, n)
}

/** What is wrong with a number of nodes that a request asks for, or null. */
export function countFault(name: string, count: number, least: number, n: number): string | null {
  const isCount = Number.isInteger(count) && count >= least && count <= n
  return isCount ? null : `${name} must be a whole number from ${least} to n = ${n}, not ${String(count)}`
}

/** r or w for a cluster whose n is smaller than the default: a majority of n, at most the default. */
export function defaultFor(n: number): number {
  return Math.min(defaultQuorum.r, Math.floor(n / 2) + 1)
}
