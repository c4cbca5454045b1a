/**
 * The handshake: two nodes compare the values on which a ring must agree (not in the paper).
 *
 * They compare them when they meet. A mismatch is final, and both ends say which values differ.
 */
import { bounds } from '../../core/bounds.ts'
import type { ActorId, NodeId, PeerId } from '../../core/ids.ts'
import type { Hello } from '../../core/wire/messages.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Retention } from '../ownership/retention.ts'
import type { Deferred } from '../scheduling/timers.ts'

/** A channel, and the node that has said hello on it. */
export interface Channel {
  readonly peer: PeerId
  /** The node at the other end; null before its hello. */
  node: NodeId | null
  answering: boolean
  heardAt: number
  parted: boolean
  /** Settles when the handshake is over, either way. */
  readonly greeted: Deferred<void>
}

/** This node's hello. Its partitions and retention are read anew each time it is sent. */
export function helloOf(
  cluster: string,
  { n, graceMs }: Pick<Hello, 'n' | 'graceMs'>,
  retention: Retention,
  ownership: Pick<Ownership, 'held'>,
  node: NodeId,
  boot: ActorId,
): Hello {
  const { protocolVersion, partitions, tokensPerNode } = bounds
  return {
    protocolVersion,
    cluster,
    n,
    partitions,
    tokensPerNode,
    graceMs,
    get retentionMs() {
      return retention.ms
    },
    get held() {
      return ownership.held
    },
    node,
    boot,
  }
}

/** True if the other node is this very node, from a copy of its database. */
export const isCopy = (ours: Hello, theirs: Hello): boolean => ours.node === theirs.node

/** The grace is among them: a member that is out for some nodes and placed for others would have two sets of owners. */
const constants = ['protocolVersion', 'n', 'partitions', 'tokensPerNode', 'graceMs'] as const

/** The reason why these two nodes cannot form a ring, or null. */
export function mismatch(ours: Hello, theirs: Hello): string | null {
  const isOneVersion = ours.protocolVersion === theirs.protocolVersion
  if (isOneVersion && ours.cluster !== theirs.cluster) return 'the peer belongs to another cluster'
  const differing = constants.filter(
    (name) => ours[name] !== theirs[name] && (isOneVersion || name === 'protocolVersion'),
  )
  if (differing.length === 0) return null
  const versions = ours.protocolVersion - theirs.protocolVersion
  const older = versions === 0 ? '' : `; ${versions < 0 ? 'this page' : 'the peer'} has the older build: reload it`
  return `${differing.map((name) => `${name} is ${ours[name]} here and ${theirs[name]} there`).join(', ')}${older}`
}
