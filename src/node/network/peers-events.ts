/**
 * Events of the peers within reach (not in the paper).
 *
 * The table of reactions assigns a handler to each. Until then an event has no effect.
 */
import type { NodeId, PeerId, ViewHash } from '../../core/ids.ts'
import type { SwimMessage } from '../../core/membership/swim-port.ts'
import type { Hello, Message, Reply, Request } from '../../core/wire/messages.ts'
import type { CloseReason, SignalingEvent } from '../../ports.ts'

const ignored = (): void => {}

export class PeersEvents {
  /** Another node sends a request. */
  request: (from: NodeId, request: Request) => Promise<Reply> = async () => ({ type: 'failed', code: 'closed' })
  /** A node has said hello on a new channel. */
  met: (node: NodeId, hello: Hello) => void = ignored
  /** The channel to a node has closed, or is about to. `parted`: there were too many, and the node is well. */
  closed: (node: NodeId, how: 'lost' | 'parted') => void = ignored
  /** A node answers again, or has ceased to. */
  answering: (node: NodeId) => void = ignored
  /** A node showed the hash of the view by which it places keys. */
  viewSeen: (node: NodeId, view: ViewHash) => void = ignored
  /** An ephemeral message. Returns false if nothing here listens to its topic. */
  ephemeral: (from: NodeId, topic: string, body: Uint8Array) => boolean = () => false
  swim: (from: NodeId, message: SwimMessage) => void = ignored
  connectionFailed: (peer: PeerId, reason: CloseReason) => void = ignored
  /** A peer's message made no sense; its channel is closed. */
  malformed: () => void = ignored
  /** A message without a reply did not go out. */
  unsent: () => void = ignored
  /** A message was given to a channel, or came. `node`: the other end; `through`: the node that relays it. */
  sent: (node: NodeId | null, message: Message, bytes: number, through: NodeId | null) => void = ignored
  received: (node: NodeId | null, message: Message, bytes: number, through: NodeId | null) => void = ignored
  /** A request of this node has failed, or was refused. */
  unanswered: (node: NodeId, request: Request, id: number, error: unknown) => void = ignored
  /** Another boot lives under this node's name. */
  copied: (peer: PeerId) => void = ignored
  /** The handshake failed, for good. */
  refused: (peer: PeerId, reason: string) => void = ignored
  signaling: (event: SignalingEvent) => void = ignored
  /** The transport asks for one more channel, beside so many. Returns true if it may be opened. */
  admits: (channels: number) => boolean = () => true
  /** This node needs an introduction to a peer, through the mesh. */
  introduce: (to: PeerId, body: string) => void = ignored
  /** The relay of an introduction has no channel to that peer. */
  notIntroduced: (to: PeerId, body: string) => void = ignored
}
