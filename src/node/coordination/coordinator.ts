/**
 * What the coordinator of a request works with (Dynamo, section 6.4: the coordinator is the tab that was asked).
 */
import type { NodeId } from '../../core/ids.ts'
import type { Reply, Request } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { Waiting } from '../network/patience.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import type { Replica } from '../storage/replica.ts'

/** What a coordinator works with. */
export interface Coordination {
  readonly clock: Clock
  readonly routing: Routing
  readonly peers: Peers
  readonly replica: Replica
  readonly events: Events
  /** Asks any node, this one included. Rejects when there is no answer. */
  ask(node: NodeId, request: Request, waiting: Waiting): Promise<Reply>
}

/** Whether a node can be asked: this one always. */
export const isInReach =
  ({ routing, peers }: Pick<Coordination, 'routing' | 'peers'>) =>
  (id: NodeId): boolean =>
    id === routing.self || peers.isReachable(id)
