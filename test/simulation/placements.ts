/**
 * Placements that all nodes of one process share, and the ring that the next one begins with: each is a pure function
 * of the member set, and computing them was most of what a simulated cluster did.
 */
import { place } from '../../src/core/partitioning/placement.ts'
import { type RingMember, ringKeeper } from '../../src/core/partitioning/ring.ts'

const rememberedMax = 64

/** Places as `place` does, and remembers the last placements. */
export function sharedPlacements(): typeof place {
  const known = new Map<string, ReturnType<typeof place>>()
  const layOut = ringKeeper()
  const nameOf = ({ id, device, capacity }: RingMember) => `${id} ${device} ${capacity}`
  return (members, n) => {
    const name = `${n} ${members.map(nameOf).join('|')}`
    const remembered = known.get(name)
    if (remembered !== undefined) return remembered
    const [oldest] = known.keys()
    if (known.size >= rememberedMax && oldest !== undefined) known.delete(oldest)
    const placement = place(members, n, layOut)
    known.set(name, placement)
    return placement
  }
}
