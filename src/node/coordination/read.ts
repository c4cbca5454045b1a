/**
 * A get, as its coordinator sees it (Dynamo, section 4.5; the coordinator is the node that was asked, section 6.4).
 *
 * The coordinator asks n nodes and answers its caller at r. Later answers serve read repair. Its own rows and hints
 * take part, unless its disk is slower than usual: no get waits for a disk that hangs. A fallback's answer counts only
 * if it holds something of the key.
 */

import { type Answer, recordOf } from '../../core/acceptance/answers.ts'
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { HybridTime, NodeId, StoredKey } from '../../core/ids.ts'
import type { Given } from '../../core/quorum/decision.ts'
import { type Copies, type Extent, meets } from '../../core/quorum/demand.ts'
import { type Reach, reaches, type SeenContext } from '../../core/versioning/context.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
import { emptyRecord, type Record, saysNothing } from '../../core/versioning/record.ts'
import type { Counting, Reply, Request } from '../../core/wire/messages.ts'
import type { TraceSaid } from '../api/trace.ts'
import { failureOf } from '../network/request-failure.ts'
import { within } from '../scheduling/timers.ts'
import type { Coordinator } from './coordinator.ts'
import { type Asked, candidatesOf, FanOut } from './fan-out.ts'
import { repairStale } from './read-repair.ts'

export interface ReadOutcome {
  readonly record: Record
  /** Replicas that answered may have pruned names up to this time. */
  readonly horizon: HybridTime
  /** Nodes whose answers counted, and owners among them. A get does not ask for devices. */
  readonly extent: Extent
  /** The nodes whose answers counted. */
  readonly counted: ReadonlySet<NodeId>
  /** True if the answers meet the demand, and the record covers `atLeast`. */
  readonly quorum: boolean
}

/**
 * The terms of a get: `demand` answers that together cover `atLeast`, or all answers that come within `timeoutMs`. `id`:
 * of the request in the trace.
 */
export interface Question {
  readonly demand: Extent
  readonly atLeast: SeenContext
  readonly timeoutMs: number
  readonly id: number
}

/** As whom a node has answered a get, in the words of the trace. */
const said = { 'as owner': 'owner', 'as stand-in': 'stand-in', 'as nobody': 'nobody' } as const satisfies Readonly<{
  [C in Counting]: TraceSaid
}>

/** Owners in sync that have answered as such. */
export class Primaries {
  readonly #nodes = new Set<NodeId>()

  /** Notes the answer of a node. True if it is one of them, or would be by another view of who owns the key. */
  answered({ node, role }: Pick<Asked, 'node' | 'role'>, counts: Counting): boolean {
    const isOwner = counts === 'as owner'
    if (isOwner && role === 'owner') this.#nodes.add(node)
    return isOwner
  }

  /** The extent of the answers that count. */
  extent(counted: Copies): Extent {
    const primaries = [...this.#nodes].filter((node) => counted.has(node)).length
    return { nodes: counted.size, primaries, devices: 0 }
  }
}

/** The result so far: the joined records of the nodes that answered, and their reach. */
class Found {
  readonly answers = new Map<NodeId, Answer>()
  readonly primaries = new Primaries()
  /** The record that the answers so far make; null if one came since. */
  #record: Record | null = null
  #own: Answer = { record: emptyRecord, isOwner: false, floor: hybridZero }
  #horizon: HybridTime = hybridZero

  /** Adds this node's own rows and hints. */
  own(record: Record): void {
    this.#own = { ...this.#own, record }
    this.#record = null
  }

  /** Adds the answer of a node. Returns the value of that answer. */
  answered(asked: Asked, { record, horizon, floor, counts }: Extract<Reply, { type: 'record' }>): Given {
    this.answers.set(asked.node, { record, floor, isOwner: this.primaries.answered(asked, counts) })
    this.#horizon = Math.max(this.#horizon, horizon) as HybridTime
    this.#record = null
    return counts !== 'as nobody' && (asked.role === 'owner' || !saysNothing(record)) ? 'counted' : 'uncounted'
  }

  get known(): Reach {
    return { history: this.record.history, horizon: this.#horizon }
  }

  get record(): Record {
    this.#record ??= recordOf([this.#own, ...this.answers.values()])
    return this.#record
  }
}

export async function read(node: Coordinator, key: StoredKey, question: Question): Promise<ReadOutcome> {
  const { demand, atLeast, timeoutMs, id } = question
  const { routing, clock, trace } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceOf(key)
  const isReachable = (other: NodeId) => node.isInReach(other)
  const found = new Found()
  const request: Request = { type: 'get', key }
  const ask = async (candidate: Asked, slow: () => void): Promise<Given> => {
    try {
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      if (reply.type !== 'record') return 'failed'
      candidate.said = said[reply.counts]
      const answer = found.answered(candidate, reply)
      fanOut.alsoAsk(reply.sources, isReachable)
      return answer
    } catch (error) {
      candidate.said = failureOf(error)
      return 'failed'
    }
  }
  const consulted = fallbacks.slice(0, bounds.readFallbacksPerOwner * routing.n)
  const candidates = candidatesOf(owners, consulted, isReachable)
  const sufficiency = (counted: Copies) => ({
    suffices: reaches(found.known, atLeast),
    isEnough: meets(found.primaries.extent(counted), { ...demand, nodes: 0 }),
  })
  const fanOut = new FanOut(candidates, { n: routing.n, needed: demand.nodes }, ask, sufficiency, { trace, id })
  fanOut.start()
  // If this node's store fails, the caller still gets the answers of the others.
  const ownRead = node.replica.read(key).then(
    ({ record }) => found.own(record),
    () => {},
  )
  const end = await within(clock, timeoutMs, fanOut.decided)
  const leftMs = Math.max(0, deadline - clock.now())
  const patienceMs = end === 'won' ? ownPatienceMs(node, key, timeoutMs) : leftMs
  await within(clock, Math.min(leftMs, patienceMs), ownRead)
  const repair = async () => {
    await ownRead
    await repairStale(node, key, owners, found.answers, found.record, id)
  }
  void fanOut.settled.then(repair).catch(() => {})
  const { record, known } = found
  const extent = found.primaries.extent(fanOut.counted)
  const isEnough = meets(extent, demand)
  return {
    record,
    horizon: known.horizon,
    extent,
    counted: new Set(fanOut.counted.keys()),
    quorum: isEnough && reaches(known, atLeast),
  }
}

/** The time, ms, that a get with an answer waits for its own disk. None if the disk cannot hold the key. */
function ownPatienceMs({ replica, routing, peers }: Coordinator, key: StoredKey, timeoutMs: number): number {
  const partition = partitionOf(key)
  const mayBeHere = replica.holds(partition) || replica.isChanging(partition) || replica.hints.size > 0
  return mayBeHere ? peers.patience.of(routing.self, timeoutMs) : 0
}
