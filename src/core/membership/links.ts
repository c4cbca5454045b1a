/**
 * Whom a member keeps a link to. In a small ring everybody; in a large one a grid: the members in order of their ids, each linked
 * to those few places away, and to those whole rows away.
 *
 * Any two members of a grid have a common neighbour: as many rows as it takes, then a few places. So whoever is not linked is
 * reached, introduced to and probed through one other member, and everybody can work out through which. A row as long as the
 * square root of the number of members makes the fewest links, about twice that root.
 */
import { compareText, type NodeId } from '../ids.ts'

/** The members in the order of the grid. */
const inOrder = (members: readonly NodeId[]): readonly NodeId[] => [...members].sort(compareText)

/** Half the length of a row: places to either side. */
function reachOf(count: number): number {
  let reach = 1
  while ((2 * reach + 1) ** 2 < count) reach += 1
  return reach
}

/** The members that `self` links to, when nobody may have more than `linksMax` links and all are linked where that is enough. */
export function neighboursOf(self: NodeId, members: readonly NodeId[], linksMax: number): ReadonlySet<NodeId> {
  const others = members.filter((node) => node !== self)
  if (others.length < linksMax) return new Set(others)
  const order = inOrder([self, ...others])
  const at = order.indexOf(self)
  const neighbours = new Set<NodeId>()
  for (const offset of offsetsOf(order.length)) {
    for (const index of [at + offset, at - offset]) {
      const node = order[(index + order.length) % order.length]
      if (node !== undefined && node !== self) neighbours.add(node)
    }
  }
  return neighbours
}

/** Distances at which members of a grid are linked: within a row, then whole rows, half way round. */
function offsetsOf(count: number): readonly number[] {
  const reach = reachOf(count)
  const row = 2 * reach + 1
  const within = Array.from({ length: reach }, (_, index) => index + 1)
  const rows = Array.from({ length: Math.ceil(count / 2 / row) }, (_, index) => (index + 1) * row)
  return [...within, ...rows]
}

/** Through whom `self` reaches `target`, likeliest first: members that are linked to both. */
export function relaysTo(
  self: NodeId,
  target: NodeId,
  members: readonly NodeId[],
  linksMax: number,
): readonly NodeId[] {
  const mine = neighboursOf(self, members, linksMax)
  const theirs = neighboursOf(target, members, linksMax)
  return [...mine].filter((node) => node !== target && theirs.has(node))
}
