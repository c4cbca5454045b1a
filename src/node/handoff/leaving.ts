/**
 * Leaving for good (Dynamo, section 4.9): the node hands everything over before it tells the others.
 *
 * It hands over in rounds. Then it refuses further writes, announces its leave, and hands over the writes that came
 * meanwhile.
 */
import type { Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import { TabringError } from '../../errors.ts'
import type { Store } from '../../ports.ts'
import type { Exchange } from '../anti-entropy/exchange.ts'
import type { Lifetime } from '../api/lifetime.ts'
import { rememberMembers } from '../membership/boot.ts'
import type { Membership } from '../membership/membership.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import type { Replica } from '../storage/replica.ts'
import type { HintedHandoff } from './hinted-handoff.ts'

export interface Leaver {
  readonly routing: Routing
  readonly peers: Peers
  readonly membership: Membership
  readonly replica: Replica
  readonly exchange: Exchange
  readonly handoff: HintedHandoff
  readonly store: Store
  readonly lifetime: Lifetime
}

/** Rounds of handing over, at most. Each finds only the writes that came during the one before, and takes less time. */
const roundsMax = 5

/**
 * Hands all records to the nodes that own them without this one. Then refuses writes, says that it left, and hands over
 * the writes that came meanwhile. Rejects if a record cannot be handed over. Before the announcement nothing has
 * changed then. After it, everything is still in the database.
 */
export async function handAllOver(leaver: Leaver): Promise<void> {
  const { peers, membership } = leaver
  const left = await emptied(leaver)
  if (left !== null) {
    throw new TabringError(
      'quorum-unreachable',
      `${left} have nobody in reach to take them. Nothing was deleted; close() keeps the data for later.`,
    )
  }
  await stopTakingIn(leaver)
  await Promise.all(peers.connected.map((peer) => membership.pushPull(peer)))
  if ((await emptied(leaver)) === null) return
  throw new TabringError(
    'timeout',
    'the others were told, but not everything could be handed over. The data stays in the database.',
    'unknown',
  )
}

/** Refuses every write from now on, and tells the others and the next boot that this node has left. */
async function stopTakingIn({ lifetime, membership, routing, store }: Leaver): Promise<void> {
  lifetime.isClosing = true
  membership.leave()
  await rememberMembers(store, routing.claims)
}

/**
 * Hands over in rounds, until each partition that was here when the round began is taken, and no hint is left. Returns
 * null then, and else the remainder as text. Writes that come meanwhile do not count as refused. The last round finds
 * them, after this node has stopped accepting writes.
 */
async function emptied(leaver: Leaver): Promise<string | null> {
  const { replica } = leaver
  const forest = await replica.forest()
  const held = () => allPartitions.filter((partition) => forest.sizeOf(partition) > 0)
  let left: string | null = null
  for (let round = 0; round < roundsMax; round += 1) {
    const before = new Set(held())
    const taken = await handOver(leaver)
    for (const node of leaver.routing.others) leaver.handoff.met(node)
    await leaver.handoff.sweep()
    // A node may have come into reach after this round, without the records.
    const due = held().filter((partition) => leaver.lifetime.isClosing || before.has(partition))
    const stranded = due.filter((partition) => !taken.has(partition))
    if (stranded.length === 0 && replica.hints.size === 0) return null
    left = `${stranded.length} partitions and ${replica.hints.size} hints`
  }
  return left
}

/** Hands over to every owner in reach. Returns the partitions that at least one owner holds by now. */
async function handOver({ routing, peers, exchange, replica, lifetime }: Leaver): Promise<ReadonlySet<Partition>> {
  const taken = new Set<Partition>()
  for (const node of routing.others.filter((other) => peers.isReachable(other) && routing.takesIn(other))) {
    const due = allPartitions.filter(
      (partition) => replica.holds(partition) && routing.ownersWithoutSelf(partition).includes(node),
    )
    if (due.length === 0) continue
    try {
      await exchange.handOver(node, due)
      // The next round hands over writes that came in between. Once this node accepts none, none may have come.
      for (const partition of due) if (!lifetime.isClosing || exchange.hasAll(node, partition)) taken.add(partition)
    } catch (error) {
      const text = `handing over to ${node} failed. Nothing was deleted; close() keeps the data for later.`
      throw new TabringError('timeout', text, 'unknown', error)
    }
  }
  return taken
}
