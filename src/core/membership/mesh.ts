/**
 * The mesh: the links that each member keeps (not in the paper). In a small ring all members are linked to all.
 *
 * In a large ring the members form a grid, in order of their ids. Each is linked to those a few places away, and to
 * those whole rows away. Any two members of a grid have a common neighbour: whole rows from one, then a few places to
 * the other. So a member reaches, introduces and probes an unlinked one through one other member, and every node can
 * compute which.
 *
 * A row as long as the square root of the number of members makes the fewest links, about twice that root.
 */
import { compareText, type NodeId } from '../ids.ts'

/** Places to either side within a row: half its length. */
function reachOf(count: number): number {
  let reach = 1
  while ((2 * reach + 1) ** 2 < count) reach += 1
  return reach
}

/** Distances at which members of a grid are linked: places within a row, then whole rows, half way round. */
function offsetsOf(count: number): readonly number[] {
  const reach = reachOf(count)
  const row = 2 * reach + 1
  const within = Array.from({ length: reach }, (_, index) => index + 1)
  const rows = Array.from({ length: Math.ceil(count / 2 / row) }, (_, index) => (index + 1) * row)
  return [...within, ...rows]
}

/** The links between some members, computed on demand. */
export class Mesh {
  readonly #members: readonly NodeId[]
  readonly #linksMax: number
  /** The members in the order of the grid. Null if all are linked to all. */
  readonly #order: readonly NodeId[] | null
  readonly #places = new Map<NodeId, number>()
  readonly #offsets: readonly number[]
  readonly #neighbours = new Map<NodeId, ReadonlySet<NodeId>>()
  readonly #relays = new Map<string, readonly NodeId[]>()

  /** No member has more than `linksMax` links. If there are no more members than that, all are linked to all. */
  constructor(members: readonly NodeId[], linksMax: number) {
    this.#members = members
    this.#linksMax = linksMax
    this.#order = members.length <= linksMax ? null : [...members].sort(compareText)
    this.#offsets = offsetsOf(members.length)
    for (const [place, node] of (this.#order ?? []).entries()) this.#places.set(node, place)
  }

  /** The neighbours of a node. One that is no member yet is treated as one. */
  neighboursOf(node: NodeId): ReadonlySet<NodeId> {
    const known = this.#neighbours.get(node)
    if (known !== undefined) return known
    const neighbours = this.#order === null ? new Set(this.#members) : this.#inGrid(node, this.#order)
    neighbours.delete(node)
    this.#neighbours.set(node, neighbours)
    return neighbours
  }

  #inGrid(node: NodeId, order: readonly NodeId[]): Set<NodeId> {
    const at = this.#places.get(node)
    if (at === undefined) return new Set(new Mesh([...order, node], this.#linksMax).neighboursOf(node))
    const around = this.#offsets.flatMap((offset) => [at + offset, at - offset])
    return new Set(around.map((place) => order[(place + order.length) % order.length] as NodeId))
  }

  /** Relays from `self` to `target`: members with links to both. */
  relaysTo(self: NodeId, target: NodeId): readonly NodeId[] {
    const pair = `${self} ${target}`
    const known = this.#relays.get(pair)
    if (known !== undefined) return known
    const theirs = this.neighboursOf(target)
    const relays = [...this.neighboursOf(self)].filter((node) => node !== target && theirs.has(node))
    this.#relays.set(pair, relays)
    return relays
  }
}
