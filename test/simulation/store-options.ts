/**
 * Which store a seed's nodes have: one that does what a store promises, or the one of browsers on a fake of their database.
 */
import { bounds } from '../../src/core/bounds.ts'
import { Chance } from './chance.ts'

export interface StoreOptions {
  /** Nodes have the browser's store. */
  readonly browserStore: boolean
  /** Commits of so many rows or more go to its log. */
  readonly logRowsMin: number
}

/** The share of seeds with the browser's store. */
const browserShare = 0.25

/** Drawn after all else, so that other seeds stay as they were. */
export function storeOptionsOf(seed: number): StoreOptions {
  const chance = new Chance(seed, 'browser')
  const browserStore = chance.happens(browserShare)
  // Rings are small here: of the real bound few commits would come to the log.
  return { browserStore, logRowsMin: chance.pick([1, 2, 3, 8, bounds.logRowsMin]) }
}
