/**
 * The ring of virtual nodes (Dynamo, section 4.2).
 *
 * A node sits on the ring at `tokensPerNode x capacity` pseudo-random tokens, so that its load comes from many others and
 * goes to many others. The ring is a pure function of the member set: same members, same ring, on every node.
 */
import { assert } from '../assert.ts'
import { bounds } from '../bounds.ts'
import { partitionToken, tokenOf } from '../hash.ts'
import { compareText, type DeviceId, type NodeId, type Partition, type Token } from '../ids.ts'

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

/** `tokensOf` that remembers: tokens are a third of the cost of a placement, and do not change while the capacity does not. */
export function rememberedTokens(): typeof tokensOf {
  const known = new Map<string, readonly Token[]>()
  return (member) => {
    const name = `${member.id} ${member.capacity}`
    const tokens = known.get(name) ?? tokensOf(member)
    known.set(name, tokens)
    return tokens
  }
}

/** Lays out the ring of `members`. `tokens` may remember tokens between calls; it must answer as `tokensOf` does. */
export function buildRing(
  members: readonly RingMember[],
  tokens: (member: RingMember) => readonly Token[] = tokensOf,
): Ring {
  const ring = members.flatMap((member) => tokens(member).map((token) => ({ token, owner: member.id })))
  return ring.sort((a, b) => compareText(a.token, b.token) || compareText(a.owner, b.owner))
}

const partitionTokens = Array.from({ length: bounds.partitions }, (_, p) => partitionToken(p as Partition))

/**
 * For each partition the index of the first virtual node at or after its beginning, the length of the ring if there is none: both
 * come in the order of tokens.
 */
export function startsIn(ring: Ring): readonly number[] {
  let at = 0
  return partitionTokens.map((token) => {
    for (let next = ring[at]; next !== undefined && next.token < token; next = ring[at]) at += 1
    return at
  })
}

/** The distinct nodes met on a walk clockwise from the virtual node at `start`, nearest first. */
export function* walk(ring: Ring, start: number): Generator<NodeId> {
  const met = new Set<NodeId>()
  for (let step = 0; step < ring.length; step += 1) {
    const virtual = ring[(start + step) % ring.length]
    if (virtual === undefined || met.has(virtual.owner)) continue
    met.add(virtual.owner)
    yield virtual.owner
  }
}
