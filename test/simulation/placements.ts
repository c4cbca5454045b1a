/**
 * Placements that all nodes of one process share: each is a pure function of the member set, and computing it was most of what a
 * simulated cluster did.
 */
import { place } from '../../src/core/partitioning/placement.ts'

const rememberedMax = 64

/** Places as `place` does, and remembers the last placements. */
export function sharedPlacements(): typeof place {
  const known = new Map<string, ReturnType<typeof place>>()
  return (members, n, tokens) => {
    const name = `${n} ${members.map(({ id, device, capacity }) => `${id} ${device} ${capacity}`).join('|')}`
    const remembered = known.get(name)
    if (remembered !== undefined) return remembered
    const [oldest] = known.keys()
    if (known.size >= rememberedMax && oldest !== undefined) known.delete(oldest)
    const placement = place(members, n, tokens)
    known.set(name, placement)
    return placement
  }
}
