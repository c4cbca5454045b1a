/**
 * How to look closer where two views differ: list what is there, or split the prefixes once more and compare again.
 *
 * From how many of the compared cells differ follows how many items probably do, and from that what each way of going
 * on would cost in bytes. A round trip is worth one packet.
 */

/** Bytes that one more round trip may cost: what one packet carries. */
const roundTripBytes = 1200
/** Bytes of a fingerprint, and of saying which cell is meant. */
const fingerprintBytes = 4
const cellBytes = 1
/** Bits a cell is split by at most, in one message. */
const splitBitsMax = 8
/** Fewer differing cells than this say little of how many items differ. */
const denseCellsMin = 64

/** Cells that were compared, those that differ, and the items this side has in those. */
export interface Comparison {
  readonly compared: number
  readonly differing: number
  readonly items: number
}

/** `split` by so many bits and compare again; 0 for listing what is there. */
export interface Plan {
  readonly splitBits: number
  readonly bytes: number
}

/** Bits of the first comparison: about the square root of the items in cells. */
export function frontierBits(items: number): number {
  return items === 0 ? 0 : Math.min(8, Math.max(3, Math.ceil(Math.log2(items) / 2)))
}

/** How many items probably differ (balls into cells; where all cells differ, the coupon collector's number). */
function differencesIn({ compared, differing }: Comparison): number {
  if (differing < compared) return -compared * Math.log(1 - differing / compared)
  return compared * (Math.log(compared) + 0.58)
}

/** Whether so much differs that sending everything is cheaper than finding out what. */
export function isDense(comparison: Comparison): boolean {
  const { compared, differing, items } = comparison
  return differing === compared && compared >= denseCellsMin && differencesIn(comparison) >= items / 4
}

const occupied = (cells: number, items: number): number => cells * (1 - Math.exp(-items / cells))

/** Whether the side that answers lists now, or splits, so that the asking side looks once more. */
export function planAnswer(comparison: Comparison): Plan {
  const list = { splitBits: 0, bytes: fingerprintBytes * comparison.items }
  return cheapest(comparison, list, (cells, items) => {
    const differing = occupied(cells, differencesIn(comparison))
    return roundTripBytes + planQuestion({ compared: cells, differing, items: (items * differing) / cells }).bytes
  })
}

/**
 * Whether the asking side asks for the lists now, or splits once more; the answer comes with the next message either
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

/** Listing, or the split that costs least together with what follows it. */
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
