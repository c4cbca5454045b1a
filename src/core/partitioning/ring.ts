/**
 * The ring of virtual nodes (Dynamo, section 4.2).
 *
 * A node sits on the ring at `tokensPerNode x capacity` pseudo-random tokens, so that its load comes from many others and
 * goes to many others. The ring is a pure function of the member set: same members, same ring, on every node.
 */
import { assert } from '../assert.ts'
import { bounds } from '../bounds.ts'
import { tokenOf } from '../hash.ts'
import { compareText, type DeviceId, type NodeId, type Token } from '../ids.ts'

/** What placement needs to know of a member. */
export interface RingMember {
  readonly id: NodeId
  readonly device: DeviceId
  /** Weight, `bounds.capacityMin` to `bounds.capacityMax`. */
  readonly capacity: number
}

/** One point a node owns on the ring. */
export interface VirtualNode {
  readonly token: Token
  readonly owner: NodeId
}

/** All virtual nodes, in token order. */
export type Ring = readonly VirtualNode[]

/** How many tokens a capacity is worth. */
function tokenCount(capacity: number): number {
  assert(capacity >= bounds.capacityMin && capacity <= bounds.capacityMax, 'capacity is within bounds')
  return Math.max(1, Math.round(bounds.tokensPerNode * capacity))
}

/** The tokens of one node. */
export function tokensOf(member: RingMember): readonly Token[] {
  return Array.from({ length: tokenCount(member.capacity) }, (_, index) => tokenOf(member.id, index))
}

/** Lays out the ring of `members`. `tokens` may remember tokens between calls; it must answer as `tokensOf` does. */
export function buildRing(
  members: readonly RingMember[],
  tokens: (member: RingMember) => readonly Token[] = tokensOf,
): Ring {
  const ring = members.flatMap((member) => tokens(member).map((token) => ({ token, owner: member.id })))
  return ring.sort((a, b) => compareText(a.token, b.token) || compareText(a.owner, b.owner))
}

/** The index of the first virtual node at or after `token`, walking clockwise. */
export function successor(ring: Ring, token: Token): number {
  let low = 0
  let high = ring.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = ring[middle]
    if (at !== undefined && at.token < token) low = middle + 1
    else high = middle
  }
  return low === ring.length ? 0 : low
}

/** The distinct nodes met on a walk clockwise from `token`, nearest first. */
export function* walk(ring: Ring, token: Token): Generator<NodeId> {
  const met = new Set<NodeId>()
  const start = successor(ring, token)
  for (let step = 0; step < ring.length; step += 1) {
    const virtual = ring[(start + step) % ring.length]
    if (virtual === undefined || met.has(virtual.owner)) continue
    met.add(virtual.owner)
    yield virtual.owner
  }
}
