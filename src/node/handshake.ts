/**
 * Whether two nodes may form a ring. Compared when they meet: a mismatch is final, and both ends say what differs.
 */
import { bounds } from '../core/bounds.ts'
import type { ActorId, NodeId } from '../core/ids.ts'
import type { Hello } from '../core/wire/messages.ts'

/** What this node says of itself first. */
export function helloOf(cluster: string, n: number, node: NodeId, boot: ActorId): Hello {
  const { protocolVersion, partitions, tokensPerNode } = bounds
  return { protocolVersion, cluster, n, partitions, tokensPerNode, node, boot }
}

/** Whether the other is this very node, from a copy of its database. */
export const isCopy = (ours: Hello, theirs: Hello): boolean => ours.node === theirs.node

const constants = ['protocolVersion', 'n', 'partitions', 'tokensPerNode'] as const

/** Why these two cannot be in one ring, or null. */
export function mismatch(ours: Hello, theirs: Hello): string | null {
  if (ours.cluster !== theirs.cluster) return 'the peer belongs to another cluster'
  const differing = constants.filter((name) => ours[name] !== theirs[name])
  if (differing.length > 0) {
    return differing.map((name) => `${name} is ${ours[name]} here and ${theirs[name]} there`).join(', ')
  }
  return null
}
