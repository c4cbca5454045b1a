/**
 * Members of the ring, as an application sees them (Dynamo, section 4.8).
 *
 * `reachable` is the view of this node alone: requests reach the member, over a channel or a relay.
 */
import type { Claim } from '../../core/membership/claims.ts'
import type { Member, Status } from '../api/tabring-node.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'

/** Parts of a node that know the members and reach them. */
export interface Here {
  readonly routing: Routing
  readonly peers: Peers
}

export function membersOf({ routing, peers }: Here, state: Status['state']): readonly Member[] {
  const member = ({ node, device, capacity16ths, guest, storage, status }: Claim): Member => ({
    id: node,
    device,
    capacity: capacity16ths / 16,
    guest,
    status,
    storage,
    reachable: node === routing.self ? state === 'open' : peers.isReachable(node),
    self: node === routing.self,
  })
  return routing.claims.map(member)
}
