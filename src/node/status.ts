/**
 * What a node tells of itself and of the ring: for applications, demos and debugging panels.
 */

import { partitionOf } from '../core/hash.ts'
import { parseStoredKey } from '../core/versioning/stored-key.ts'
import type { RepairLog } from './anti-entropy/exchange-log.ts'
import type { CheckedConfig } from './api/config.ts'
import type { Inspection, Status } from './api/tabring-node.ts'
import { type Here, membersOf } from './membership/members.ts'
import type { Ownership } from './ownership/ownership.ts'
import type { Replica } from './storage/replica.ts'

/** What is looked at. */
export interface Watched extends Here {
  readonly replica: Replica
  readonly ownership: Ownership
}

export function statusOf(
  watched: Watched,
  { n, r, w }: CheckedConfig,
  log: RepairLog,
  now: Pick<Status, 'device' | 'state' | 'storage'>,
): Status {
  const { routing, ownership, replica } = watched
  const placed = membersOf(watched, now.state).filter(({ status }) => status !== 'left' && status !== 'out')
  return {
    id: routing.self,
    ...now,
    n,
    r,
    w,
    members: placed.length,
    reachable: placed.filter(({ reachable }) => reachable).length,
    links: watched.peers.connected.length,
    partitions: {
      owned: ownership.ownedCount,
      syncing: ownership.syncing.length,
      retained: ownership.retained.length,
    },
    records: replica.recordCount,
    hints: replica.hints.size,
    repair: log.status((node) => routing.isPlaced(node)),
  }
}

export async function inspectionOf({ routing, replica }: Watched): Promise<Inspection> {
  const keys = await replica.keys()
  return {
    ring: routing.placement.ring.map(({ token, owner }) => ({ token, node: owner })),
    keys: keys.map(({ key, owedTo }) => {
      const partition = partitionOf(key)
      const role = owedTo !== null ? 'hint' : routing.owns(partition) ? 'owner' : 'retained'
      return { key: parseStoredKey(key)?.key ?? key, partition, role, owedTo: owedTo ?? [] }
    }),
  }
}
