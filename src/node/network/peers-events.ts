/**
 * Events of the peers within reach. The table of reactions says what follows from each; until then nothing does.
 */
import type { NodeId, PeerId, ViewHash } from '../../core/ids.ts'
import type { SwimMessage } from '../../core/membership/swim-port.ts'
import type { Hello, Reply, Request } from '../../core/wire/messages.ts'
import type { CloseReason, SignalingEvent } from '../../ports.ts'

const ignored = (): void => {}

export class PeersEvents {
  /** Another node asks for something. */
  request: (from: NodeId, request: Request) => Promise<Reply> = async () => ({ type: 'failed', code: 'closed' })
  /** A node has said hello on a new channel. */
  met: (node: NodeId, hello: Hello) => void = ignored
  /** The channel to a node has closed, or is about to. `parted`: only because there were too many. */
  closed: (node: NodeId, how: 'lost' | 'parted') => void = ignored
  /** A node answers again, or does not any more. */
  answering: (node: NodeId) => void = ignored
  /** A node showed by what hash it places keys. */
  viewSeen: (node: NodeId, view: ViewHash) => void = ignored
  swim: (from: NodeId, message: SwimMessage) => void = ignored
  connectionFailed: (peer: PeerId, reason: CloseReason) => void = ignored
  /** Another boot lives under this node's name. */
  copied: (peer: PeerId) => void = ignored
  /** The handshake failed, for good. */
  refused: (peer: PeerId, reason: string) => void = ignored
  signaling: (event: SignalingEvent) => void = ignored
  /** One channel more is asked for, beside so many. Returns whether it may be opened. */
  admits: (channels: number) => boolean = () => true
  /** A peer is to be introduced to. */
  introduce: (to: PeerId, body: string) => void = ignored
  /** The node asked to pass an introduction on has no channel to that peer. */
  notIntroduced: (to: PeerId, body: string) => void = ignored
}
