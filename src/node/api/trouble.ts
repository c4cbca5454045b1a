/**
 * Trouble: counts of what a node tells no caller, because it tries again or leaves it to others (not in the paper).
 *
 * `status()` shows them by kind, so nothing fails without a trace.
 */
import type { Status } from './tabring-node.ts'

export type Trouble = { -readonly [Kind in keyof Status['trouble']]: number }

export const noTrouble = (): Trouble => ({
  malformed: 0,
  unsent: 0,
  storage: 0,
  hints: 0,
  exchanges: 0,
  repairs: 0,
  undecodable: 0,
  adoptions: 0,
})
