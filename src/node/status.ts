/**
 * Status: the state of a node and of its ring (not in the paper).
 *
 * Applications, demos and debugging panels read it. The numbers are of this moment, in this node's view.
 */

import { partitionOf } from '../core/hash.ts'
import type { DeviceId } from '../core/ids.ts'
import { keyIn } from '../core/stored-key.ts'
import type { Inspection, Status } from './api/tabring-node.ts'
import type { Parts } from './assembly.ts'
import { membersOf } from './membership/members.ts'

export function statusOf(parts: Parts, device: DeviceId): Status {
  const { config, lifetime, routing, ownership, replica, peers, capacity, log, events } = parts
  const { n, r, w } = config
  const placed = membersOf(parts, lifetime.state).filter(({ status }) => status !== 'left' && status !== 'out')
  return {
    id: routing.self,
    device,
    state: lifetime.state,
    storage: capacity.state,
    n,
    r,
    w,
    members: placed.length,
    reachable: placed.filter(({ reachable }) => reachable).length,
    links: peers.connected.length,
    partitions: {
      owned: ownership.ownedCount,
      syncing: ownership.syncing.length,
      retained: ownership.retained.length,
    },
    records: replica.recordCount,
    hints: replica.hints.size,
    trouble: { ...events.trouble },
    repair: log.status((node) => routing.isPlaced(node)),
  }
}

export async function inspectionOf({ routing, replica }: Parts): Promise<Inspection> {
  const keys = await replica.keys()
  return {
    ring: routing.placement.ring.map(({ token, owner }) => ({ token, node: owner })),
    keys: keys.map(({ key, owedTo }) => {
      const partition = partitionOf(key)
      const role = owedTo !== null ? 'hint' : routing.owns(partition) ? 'owner' : 'retained'
      return { key: keyIn(key), partition, role, owedTo: owedTo ?? [] }
    }),
  }
}
