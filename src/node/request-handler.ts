/**
 * Request handler: the replies of a node to other nodes, and to itself (Dynamo, sections 4.5 and 5).
 *
 * Each request goes to one part. A store that fails becomes a reply that says so.
 */
import { partitionOf } from '../core/hash.ts'
import type { HybridTime, NodeId, Partition } from '../core/ids.ts'
import { hybridZero } from '../core/versioning/hybrid-time.ts'
import type { Reason, Reply, Request } from '../core/wire/messages.ts'
import { StoreFailure } from '../ports.ts'
import type { Exchange } from './anti-entropy/exchange.ts'
import type { Lifetime } from './api/lifetime.ts'
import { storageCodes } from './api/operations.ts'
import type { Followers } from './following/followers.ts'
import type { ViewEvents } from './following/view-events.ts'
import type { Membership } from './membership/membership.ts'
import type { Peers } from './network/peers.ts'
import type { Ownership } from './ownership/ownership.ts'
import type { Progress } from './ownership/progress.ts'
import type { Routing } from './ownership/routing.ts'
import type { Listing } from './scanning/listing.ts'
import { HintRefused } from './storage/hint-index.ts'
import type { Replica } from './storage/replica.ts'
import type { Asked, Coming } from './storage/replica-port.ts'
import { answerFetch, batchesOf, bytesOf, takeIn } from './transfer/batches.ts'
import type { Throttle } from './transfer/throttle.ts'

export interface Serving {
  readonly routing: Routing
  readonly replica: Replica
  readonly listing: Listing
  readonly ownership: Ownership
  readonly membership: Membership
  readonly exchange: Exchange
  readonly throttle: Throttle
  readonly progress: Progress
  readonly lifetime: Lifetime
  readonly peers: Peers
  readonly followers: Followers
  readonly views: ViewEvents
}

/** True if this node has all of a partition, as an owner in sync. */
const isWhole = ({ routing, ownership }: Serving, partition: Partition) =>
  routing.owns(partition) && ownership.counts(partition)

/** Answers one request. A store failure becomes a reply, and does not reject. */
export async function handleRequest(node: Serving, from: NodeId, request: Request): Promise<Reply> {
  try {
    if (node.lifetime.isClosing && (request.type === 'put' || request.type === 'deliver'))
      return { type: 'failed', code: 'closed' }
    return await answer(node, from, request)
  } catch (error) {
    if (error instanceof HintRefused) return { type: 'failed', code: 'overloaded' }
    if (!(error instanceof StoreFailure)) throw error
    return { type: 'failed', code: storageCodes[error.reason] }
  }
}

async function answer(node: Serving, from: NodeId, request: Request): Promise<Reply> {
  switch (request.type) {
    case 'put':
      // Puts tell the throttle the size of the records that are moved later.
      node.throttle.saw(1, bytesOf({ key: request.key, record: request.delta }))
      return node.throttle.serve(() => answerPut(node, request, from === node.routing.self ? 'this node' : 'another'))
    case 'get':
      return node.throttle.serve(() => answerGet(node, request))
    case 'scan':
      return node.throttle.serve(() => answerScan(node, request))
    case 'follow':
      node.followers.follow(from, request.partitions)
      return { type: 'following', whole: request.partitions.filter((partition) => isWhole(node, partition)) }
    case 'changed':
      node.views.told(request.entries, from)
      return { type: 'heard' }
    case 'ephemeral':
      return node.peers.on.ephemeral(from, request.topic, request.body)
        ? { type: 'heard' }
        : { type: 'failed', code: 'closed' }
    case 'members':
      return node.membership.answer(from, request)
    case 'deliver':
      return answerDeliver(node, from, request)
    case 'reconcile':
      return node.exchange.answer(from, request)
    case 'fetch':
      return answerFetch(
        node.replica,
        request.hashes,
        node.throttle,
        node.exchange.agreedWith(from)?.isKnown ?? (() => false),
      )
    case 'terms':
      return node.exchange.hear(from, request)
    case 'settled':
      // The other may delete its copy after this reply, so all records here are flushed before they are confirmed.
      await node.replica.flush()
      return { type: 'settled', account: node.exchange.settledBy(from, request) }
    default:
      return request satisfies never
  }
}

async function answerDeliver(
  node: Serving,
  from: NodeId,
  { why, entries, received }: Extract<Request, { type: 'deliver' }>,
): Promise<Reply> {
  const durability = why === 'hint' ? 'strict' : 'relaxed'
  const { replica, throttle } = node
  const { overwritten } = await takeIn(
    replica,
    entries,
    received,
    durability,
    throttle,
    comingFrom(node, from, why),
    () => {
      // A node that has begun to leave would have to hand these records over again.
      if (node.lifetime.isClosing) throw new StoreFailure('closed', 'this node leaves')
      return 'another'
    },
  )
  return { type: 'taken', overwritten }
}

/** The terms on which delivered records come. A hint comes as any write does. */
function comingFrom({ exchange, replica }: Serving, from: NodeId, why: Reason): Coming | undefined {
  if (why === 'hint') return undefined
  if (why === 'read') return { ...replica.written, origin: 'read' }
  return exchange.agreedWith(from)?.coming ?? { ...replica.written, origin: 'exchanged' }
}

async function answerPut(
  { routing, replica, ownership }: Serving,
  { key, delta, hintFor }: Extract<Request, { type: 'put' }>,
  asked: Asked,
): Promise<Reply> {
  const partition = partitionOf(key)
  const { hinted } = await replica.take([{ key, record: delta, hintFor }], 'relaxed', asked)
  // Ownership may move while the transaction is decided.
  if (hinted.has(key) || !routing.owns(partition)) return { type: 'stored', standing: 'hint' }
  return { type: 'stored', standing: ownership.counts(partition) ? 'owner' : 'syncing' }
}

/** The time up to which names may have been pruned in the rows that are here: a copy in sync has them all. */
const floorTold = ({ ownership, progress }: Serving, partition: Partition): HybridTime =>
  ownership.counts(partition) ? progress.floorOf(partition) : progress.floorOfRows(partition)

async function answerGet(node: Serving, { key }: Extract<Request, { type: 'get' }>): Promise<Reply> {
  const { routing, replica, ownership, progress } = node
  const partition = partitionOf(key)
  const { record, hinted, isLost } = await replica.read(key)
  const owns = routing.owns(partition)
  // If a row that should be here is missing, the answer has no weight: another replica has its values.
  const isIn = !isLost && (ownership.counts(partition) || (hinted && !owns))
  const counts = !isIn ? 'as nobody' : owns ? 'as owner' : 'as stand-in'
  const horizon = counts === 'as owner' ? progress.horizonOf(partition) : hybridZero
  const floor = isLost ? hybridZero : floorTold(node, partition)
  return { type: 'record', record, horizon, floor, counts, sources: ownership.sources(partition) }
}

/** A page ends early where its records outgrow a message. */
async function answerScan(node: Serving, { type: _, ...range }: Extract<Request, { type: 'scan' }>): Promise<Reply> {
  const { routing, listing, ownership } = node
  const { entries, next, isLost } = await listing.page(range)
  const { partition } = range
  const [batch = []] = batchesOf(entries)
  // A former owner counts as long as it keeps all that it had. A stand-in knows nothing of the keys without a hint.
  const isWhole = ownership.counts(partition) && !isLost
  return {
    type: 'scanned',
    entries: batch,
    next: entries[batch.length]?.key ?? next,
    floor: isLost ? hybridZero : floorTold(node, partition),
    counts: !isWhole ? 'as nobody' : routing.owns(partition) ? 'as owner' : 'as stand-in',
    sources: ownership.sources(partition),
  }
}
