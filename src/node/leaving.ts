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
  /** Refuses every write from now on, and remembers for the next boot that this node has left. */
  stopTakingIn(): Promise<void>
}

/** Rounds of handing over what came meanwhile; nothing new is taken in by then, so the second one finds little and the third nothing. */
const roundsMax = 5

/**
 * Hands all records to those who own them when this node does not count, says that it left, takes nothing in any more, and
 * hands over what came meanwhile. Rejects where somebody cannot be reached: with nothing changed before it has said so, with
 * everything still in its database after.
 */
export async function handAllOver(leaver: Leaver): Promise<void> {
  const { routing, peers } = leaver
  await handOver(leaver)
  await leaver.handoff.sweep()
  const left = await remaining(leaver)
  if (left !== null) {
    throw new TabringError(
      'quorum-unreachable',
      `${left} have nobody in reach to take them. Nothing was deleted; close() keeps the data for later.`,
    )
  }
  routing.claimLeft()
  await leaver.stopTakingIn()
  await Promise.all(peers.connected.map((peer) => tell(leaver, peer)))
  for (let round = 0; round < roundsMax; round += 1) {
    await handOver(leaver)
    await leaver.handoff.sweep()
    if ((await remaining(leaver)) === null) return
  }
  throw new TabringError(
    'timeout',
    'the others were told, but not everything could be handed over. The data stays in the database.',
    'unknown',
  )
}

/** What is here that nobody in reach could take, or null. */
async function remaining({ routing, peers, replica }: Leaver): Promise<string | null> {
  const forest = await replica.forest()
  const stranded = allPartitions.filter(
    (partition) =>
      forest.sizeOf(partition) > 0 && !routing.ownersWithoutSelf(partition).some((owner) => peers.isReachable(owner)),
  )
  const { hintCount } = replica
  return stranded.length === 0 && hintCount === 0 ? null : `${stranded.length} partitions and ${hintCount} hints`
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
