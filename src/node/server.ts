/**
 * What a node answers to the others, and to itself.
 */
import { partitionOf } from '../core/hash.ts'
import type { NodeId } from '../core/ids.ts'
import type { FailureCode, Reply, Request } from '../core/wire/messages.ts'
import { StoreFailure } from '../ports.ts'
import { answerFetch, takeIn } from './delivery.ts'
import type { Exchange } from './exchange.ts'
import { HintRefused } from './hint-tally.ts'
import type { Membership } from './membership.ts'
import type { Ownership } from './ownership.ts'
import type { Pace } from './pace.ts'
import type { Asked, Replica } from './replica.ts'
import type { Routing } from './routing.ts'

export interface Serving {
  readonly routing: Routing
  readonly replica: Replica
  readonly ownership: Ownership
  readonly membership: Membership
  readonly exchange: Exchange
  readonly pace: Pace
  /** It is leaving and takes nothing in any more. */
  readonly isClosing: boolean
}

const failureOf: Readonly<Record<StoreFailure['reason'], FailureCode>> = {
  full: 'storage-full',
  failed: 'storage-failed',
  closed: 'closed',
}

/** Answers one request. Never rejects: a store that fails becomes a reply that says so. */
export async function serve(node: Serving, from: NodeId, request: Request): Promise<Reply> {
  try {
    if (node.isClosing && (request.type === 'put' || request.type === 'deliver'))
      return { type: 'failed', code: 'closed' }
    return await answer(node, from, request)
  } catch (error) {
    if (error instanceof HintRefused) return { type: 'failed', code: 'overloaded' }
    if (!(error instanceof StoreFailure)) throw error
    return { type: 'failed', code: failureOf[error.reason] }
  }
}

async function answer(node: Serving, from: NodeId, request: Request): Promise<Reply> {
  switch (request.type) {
    case 'put':
      return node.pace.serve(() => answerPut(node, request, from === node.routing.self ? 'this node' : 'another'))
    case 'get':
      return node.pace.serve(() => answerGet(node, request))
    case 'members':
      return node.membership.answer(from, request)
    case 'deliver':
      await takeIn(node.replica, request.entries, request.how, node.pace, () => {
        // Whoever has begun to leave would have to hand it over again.
        if (node.isClosing) throw new StoreFailure('closed', 'this node leaves')
        return 'another'
      })
      return { type: 'done' }
    case 'reconcile':
      return node.exchange.answer(from, request)
    case 'fetch':
      return answerFetch(node.replica, request.hashes, node.pace)
    case 'settled':
      // "You hold it all" may let the other delete its copy, so what is here has to be flushed before it is confirmed.
      await node.replica.flush()
      if (node.exchange.isCurrent(from, request.session)) node.ownership.received(from, request.partitions)
      node.exchange.settledBy(from, request.session, request.back)
      return { type: 'done' }
    default:
      return request satisfies never
  }
}

async function answerPut(
  { routing, replica, ownership }: Serving,
  { key, delta, hintFor }: Extract<Request, { type: 'put' }>,
  asked: Asked,
): Promise<Reply> {
  const partition = partitionOf(key)
  await replica.take([{ key, record: delta, hintFor }], 'relaxed', asked)
  if (!routing.owns(partition)) return { type: 'stored', standing: 'hint' }
  return { type: 'stored', standing: ownership.counts(partition) ? 'owner' : 'syncing' }
}

async function answerGet(
  { routing, replica, ownership }: Serving,
  { key }: Extract<Request, { type: 'get' }>,
): Promise<Reply> {
  const partition = partitionOf(key)
  const { record, hinted } = await replica.read(key)
  const owns = routing.owns(partition)
  const isIn = ownership.counts(partition) || (hinted && !owns)
  const counts = !isIn ? 'as nobody' : owns ? 'as owner' : 'as stand-in'
  return { type: 'record', record, counts, sources: ownership.sources(partition) }
}
