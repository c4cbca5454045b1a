/**
 * The plan for a difference between two views: list the items now, or split the prefixes and compare again (Dynamo,
 * 4.7).
 *
 * The share of compared cells that differ gives the likely number of differing items. From it follows the cost of each
 * way, in bytes. A round trip is worth one packet.
 */

/** The cost of one more round trip, in bytes: the load of one packet. */
const roundTripBytes = 1200
/** Bytes of a fingerprint, and of naming one cell. */
const fingerprintBytes = 4
const cellBytes = 1
/** The most bits by which one message splits a cell. */
const splitBitsMax = 8
/** With fewer differing cells, their share says little about the number of differing items. */
const denseCellsMin = 64

/** The cells compared, those that differ, and this side's items in those. */
export interface Comparison {
  readonly compared: number
  readonly differing: number
  readonly items: number
}

/** A way to go on: split by so many bits and compare again, or list at 0. `bytes` is its expected cost. */
export interface Plan {
  readonly splitBits: number
  readonly bytes: number
}

/** Bits of the first comparison: the number of cells is about the square root of the number of items. */
export function frontierBits(items: number): number {
  return items === 0 ? 0 : Math.min(8, Math.max(3, Math.ceil(Math.log2(items) / 2)))
}

/** The likely number of differing items (balls into cells; if all cells differ, the coupon collector's number). */
function differencesIn({ compared, differing }: Comparison): number {
  if (differing < compared) return -compared * Math.log(1 - differing / compared)
  return compared * (Math.log(compared) + 0.58)
}

/** True if so many items differ that sending all of them is cheaper than finding the differing ones. */
export function isDense(comparison: Comparison): boolean {
  const { compared, differing, items } = comparison
  return differing === compared && compared >= denseCellsMin && differencesIn(comparison) >= items / 4
}

const occupied = (cells: number, items: number): number => cells * (1 - Math.exp(-items / cells))

/** The plan of the answering side: list now, or split for one more look of the asking side. */
export function planAnswer(comparison: Comparison): Plan {
  const list = { splitBits: 0, bytes: fingerprintBytes * comparison.items }
  return cheapest(comparison, list, (cells, items) => {
    const differing = occupied(cells, differencesIn(comparison))
    return roundTripBytes + planQuestion({ compared: cells, differing, items: (items * differing) / cells }).bytes
  })
}

/**
 * The plan of the asking side: request the lists, or split once more. The answer comes with the next message either
 * way.
 */
export function planQuestion(comparison: Comparison): Plan {
  const { differing, items } = comparison
  const list = { splitBits: 0, bytes: differing * cellBytes + fingerprintBytes * items }
  return cheapest(comparison, list, (cells) => {
    const left = occupied(cells, differencesIn(comparison))
    return left * (cellBytes + (fingerprintBytes * items) / cells)
  })
}

/** Listing, or the split with the lowest cost including all that follows. */
function cheapest(
  { differing, items }: Comparison,
  list: Plan,
  costAfter: (cells: number, items: number) => number,
): Plan {
  let best = list
  for (let splitBits = 1; splitBits <= splitBitsMax; splitBits += 1) {
    const cells = differing * 2 ** splitBits
    const bytes = differing * cellBytes + fingerprintBytes * cells + costAfter(cells, items)
    if (bytes < best.bytes) best = { splitBits, bytes }
  }
  return best
}
