/**
 * Leaving for good (Dynamo, section 4.9): everything is handed over before the others are told.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId } from '../core/ids.ts'
import { TabringError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import type { HintedHandoff } from './hinted-handoff.ts'
import { allPartitions } from './ownership.ts'
import type { Peers } from './peers.ts'
import type { Replica } from './replica.ts'
import type { Routing } from './routing.ts'

export interface Leaver {
  readonly routing: Routing
  readonly peers: Peers
  readonly replica: Replica
  readonly exchange: Exchange
  readonly handoff: HintedHandoff
}

/**
 * Hands all records to those who own them when this node does not count, says that it left, and hands over what came
 * meanwhile. Rejects with nothing changed where some partition that holds data has no reachable new owner.
 */
export async function handAllOver(leaver: Leaver): Promise<void> {
  const { routing, peers, replica } = leaver
  const digests = await replica.digests()
  await handOver(leaver)
  await leaver.handoff.sweep()
  const stranded = allPartitions.filter(
    (partition) =>
      digests.has(partition) && !routing.ownersWithoutSelf(partition).some((owner) => peers.isReachable(owner)),
  )
  if (stranded.length > 0 || replica.hintCount > 0) {
    const text = `${stranded.length} partitions and ${replica.hintCount} hints have nobody in reach to take them. Nothing was deleted; close() keeps the data for later.`
    throw new TabringError('quorum-unreachable', text)
  }
  routing.claimLeft()
  await Promise.all(peers.connected.map((peer) => tell(leaver, peer)))
  await handOver(leaver)
  await leaver.handoff.sweep()
}

async function handOver({ routing, peers, exchange }: Leaver): Promise<void> {
  for (const node of peers.connected.filter((peer) => peers.isReachable(peer))) {
    const due = allPartitions.filter((partition) => routing.ownersWithoutSelf(partition).includes(node))
    try {
      await exchange.handOver(node, due)
    } catch (error) {
      const text = `handing over to ${node} failed. Nothing was deleted; close() keeps the data for later.`
      throw new TabringError('timeout', text, 'unknown', error)
    }
  }
}

async function tell({ routing, peers }: Leaver, node: NodeId): Promise<void> {
  try {
    await peers.request(node, { type: 'members', claims: routing.claims }, 'control', bounds.requestTimeoutMs)
  } catch {
    // It will hear from the others.
  }
}
