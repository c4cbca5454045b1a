/**
 * A get, as its coordinator sees it (Dynamo, section 4.5; the coordinator is the tab that was asked, section 6.4).
 *
 * All n are asked, the answer goes out at r, and what the stragglers say is used for read repair afterwards. This
 * node's own store and hints take part, unless its disk is slower than it usually is: no get waits for a disk that
 * hangs. A fallback counts only if it holds something of the key.
 */

import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { HybridTime, NodeId, StoredKey } from '../../core/ids.ts'
import type { Answer } from '../../core/quorum/decision.ts'
import { type Copies, type Extent, meets } from '../../core/quorum/demand.ts'
import { noReach, type Reach, reaches, type SeenContext, uniteReach } from '../../core/versioning/context.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
import { emptyRecord, join, type Record, saysNothing } from '../../core/versioning/record.ts'
import type { Reply, Request } from '../../core/wire/messages.ts'
import { within } from '../scheduling/timers.ts'
import type { Coordinator } from './coordinator.ts'
import { type Asked, candidatesOf, FanOut } from './fan-out.ts'
import { repairStale } from './read-repair.ts'

export interface ReadOutcome {
  readonly record: Record
  /** Up to when replicas that answered may have pruned names. */
  readonly horizon: HybridTime
  /** Nodes whose answers counted, and owners among them; devices are not asked for. */
  readonly extent: Extent
  /** Whether as many answered as were asked for, and the record covers what was to be reached. */
  readonly quorum: boolean
}

/**
 * What a get asks for: as many answers as are demanded, that together cover `atLeast`, or as many as there are within
 * `timeoutMs`.
 */
export interface Question {
  readonly demand: Extent
  readonly atLeast: SeenContext
  readonly timeoutMs: number
}

/** What has been read so far: the records of the nodes that answered, joined, and how far they reach. */
class Found {
  readonly answers = new Map<NodeId, Record>()
  readonly #primaries = new Set<NodeId>()
  #own = emptyRecord
  #known = noReach

  /** What this node's own rows and hints hold. */
  own(record: Record): void {
    this.#known = uniteReach(this.#known, { history: record.history, horizon: hybridZero })
    this.#own = record
  }

  /** A node has answered. Returns what that is worth. */
  answered({ node, role }: Asked, reply: Extract<Reply, { type: 'record' }>): Answer {
    this.answers.set(node, reply.record)
    this.#known = uniteReach(this.#known, { history: reply.record.history, horizon: reply.horizon })
    if (reply.counts === 'as owner' && role === 'owner') this.#primaries.add(node)
    const counts = reply.counts !== 'as nobody' && (role === 'owner' || !saysNothing(reply.record))
    return counts ? 'counted' : 'uncounted'
  }

  get known(): Reach {
    return this.#known
  }

  get record(): Record {
    return [...this.answers.values()].reduce((sum, record) => join(sum, record), this.#own)
  }

  /** How much the answers that count come to. */
  extent(counted: Copies): Extent {
    const primaries = [...this.#primaries].filter((node) => counted.has(node)).length
    return { nodes: counted.size, primaries, devices: 0 }
  }
}

/** Reads `key`. */
export async function read(node: Coordinator, key: StoredKey, question: Question): Promise<ReadOutcome> {
  const { demand, atLeast, timeoutMs } = question
  const { routing, clock } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceOf(key)
  const isReachable = (id: NodeId) => node.isInReach(id)
  const found = new Found()
  const request: Request = { type: 'get', key }
  const ask = async (candidate: Asked, slow: () => void): Promise<Answer> => {
    try {
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      if (reply.type !== 'record') return 'failed'
      const answer = found.answered(candidate, reply)
      fanOut.alsoAsk(reply.sources, isReachable)
      return answer
    } catch {
      return 'failed'
    }
  }
  const consulted = fallbacks.slice(0, bounds.readFallbacksPerOwner * routing.n)
  const candidates = candidatesOf(owners, consulted, isReachable)
  const fanOut = new FanOut(candidates, { n: routing.n, needed: demand.nodes }, ask, (counted) => ({
    suffices: reaches(found.known, atLeast),
    isEnough: meets(found.extent(counted), { ...demand, nodes: 0 }),
  }))
  fanOut.start()
  // A store that fails here must not keep the others' answers from the reader.
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
    await repairStale(node, key, owners, found.answers, found.record)
  }
  void fanOut.settled.then(repair).catch(() => {})
  const { record, known } = found
  const extent = found.extent(fanOut.counted)
  const isEnough = meets(extent, demand)
  return {
    record,
    horizon: known.horizon,
    extent,
    quorum: isEnough && reaches({ ...known, history: record.history }, atLeast),
  }
}

/** How long a get that has its answer waits for the own disk: not at all where nothing of the key can be there. */
function ownPatienceMs({ replica, routing, peers }: Coordinator, key: StoredKey, timeoutMs: number): number {
  const partition = partitionOf(key)
  const mayBeHere = replica.holds(partition) || replica.isChanging(partition) || replica.hints.size > 0
  return mayBeHere ? peers.patience.of(routing.self, timeoutMs) : 0
}
