/**
 * The coordinator of a request: the node that the application asked (Dynamo, section 6.4, client-driven coordination).
 *
 * It sends the request to nodes of the preference list. It answers its own share itself, without a message.
 */
import type { NodeId, Partition } from '../../core/ids.ts'
import type { Reply, Request } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { Trace } from '../api/trace.ts'
import type { Links } from '../membership/links.ts'
import type { Waiting } from '../network/patience.ts'
import type { Peers } from '../network/peers.ts'
import { RequestFailure } from '../network/request-failure.ts'
import type { Routing } from '../ownership/routing.ts'
import type { Replica } from '../storage/replica.ts'
import type { WriteStamp } from './write-stamp.ts'

export interface CoordinatorParts {
  readonly clock: Clock
  readonly routing: Routing
  readonly peers: Peers
  readonly replica: Replica
  readonly links: Pick<Links, 'sent'>
  readonly writeStamp: WriteStamp
  readonly events: Events
  readonly trace: Trace
}

export class Coordinator {
  readonly clock: Clock
  readonly routing: Routing
  readonly peers: Peers
  readonly replica: Replica
  readonly writeStamp: WriteStamp
  readonly events: Events
  readonly trace: Trace
  /** An owner has not stored a write that this node has as another owner. */
  onMissed: (owner: NodeId, partition: Partition) => void = () => {}
  /** Answers a request of this node to itself, as it answers other nodes. */
  onOwnRequest: (request: Request) => Promise<Reply> = async () => ({ type: 'failed', code: 'closed' })
  readonly #links: Pick<Links, 'sent'>

  constructor(parts: CoordinatorParts) {
    this.clock = parts.clock
    this.routing = parts.routing
    this.peers = parts.peers
    this.replica = parts.replica
    this.writeStamp = parts.writeStamp
    this.events = parts.events
    this.trace = parts.trace
    this.#links = parts.links
  }

  /** Asks any node, this one included. Rejects with a `RequestFailure` if there is no answer. */
  async ask(node: NodeId, request: Request, waiting: Waiting): Promise<Reply> {
    this.#links.sent(node)
    const { self } = this.routing
    if (node !== self) return this.peers.consult(node, request, waiting)
    const reply = await this.peers.patience.watch(node, waiting, this.onOwnRequest(request))
    if (reply.type === 'failed') throw new RequestFailure('refused', reply.code)
    return reply
  }

  /** True if a node can be asked. This node always can. */
  isInReach(node: NodeId): boolean {
    return node === this.routing.self || this.peers.isReachable(node)
  }
}
