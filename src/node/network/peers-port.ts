/**
 * What the peers within reach need of the node they are peers of: whom it believes what of, and who is to hear of
 * what comes.
 */
import type { NodeId, PeerId, ViewHash } from '../../core/ids.ts'
import type { MemberStatus } from '../../core/membership/claims.ts'
import type { SwimMessage } from '../../core/membership/swim-port.ts'
import type { Hello, Reply, Request } from '../../core/wire/messages.ts'
import type { CloseReason, SignalingEvent } from '../../ports.ts'

export interface PeersHandlers {
  /** Answers a request of another node. */
  serve(from: NodeId, request: Request): Promise<Reply>
  /** A node has said hello on a new channel, and what it goes by. */
  met(node: NodeId, hello: Pick<Hello, 'retentionMs' | 'held'>): void
  /** Its channel has closed, or is about to. `parted`: only because there were too many. */
  closed(node: NodeId, how: 'lost' | 'parted'): void
  /** It answers again, or does not any more. */
  answering(node: NodeId): void
  /** A node showed by what hash it places keys. */
  viewSeen(node: NodeId, view: ViewHash): void
  swim(from: NodeId, message: SwimMessage): void
  /** What is believed of a node, if anything. */
  statusOf(node: NodeId): MemberStatus | undefined
  /** Through whom a node can be reached that there is no channel to. */
  relaysTo(node: NodeId): readonly NodeId[]
  connectionFailed(peer: PeerId, reason: CloseReason): void
  /** Another boot lives under this node's name. */
  copied(peer: PeerId): void
  /** The handshake failed, for good. */
  refused(peer: PeerId, reason: string): void
  signaling(event: SignalingEvent): void
  /** Whether one channel more may be opened, beside so many. */
  admits(channels: number): boolean
  /** A peer is to be introduced to. */
  introduce(to: PeerId, body: string): void
  /** The one asked to pass an introduction on has no channel to that peer. */
  notIntroduced(to: PeerId, body: string): void
}
