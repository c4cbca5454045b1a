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
import { type Copies, type Extent, meets } from '../../core/quorum/demand.ts'
import { noReach, reaches, type SeenContext, uniteReach } from '../../core/versioning/context.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
import { emptyRecord, join, type Record, saysNothing } from '../../core/versioning/record.ts'
import { modeOf } from '../../core/versioning/stored-key.ts'
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

/** Reads `key`. */
export async function read(node: Coordinator, key: StoredKey, question: Question): Promise<ReadOutcome> {
  const { demand, atLeast, timeoutMs } = question
  const { routing, clock } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceOf(key)
  const isReachable = (id: NodeId) => node.isInReach(id)
  const consulted = fallbacks.slice(0, bounds.readFallbacksPerOwner * routing.n)
  const answers = new Map<NodeId, Record>()
  const primaries = new Set<NodeId>()
  let known = noReach
  const extent = (counted: Copies): Extent => {
    return { nodes: counted.size, primaries: [...primaries].filter((node) => counted.has(node)).length, devices: 0 }
  }
  const request: Request = { type: 'get', key }
  const fanOut = new FanOut(
    candidatesOf(owners, consulted, isReachable),
    { n: routing.n, needed: demand.nodes },
    async (candidate, slow) => {
      try {
        const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
        if (reply.type !== 'record') return 'failed'
        answers.set(candidate.node, reply.record)
        known = uniteReach(known, { history: reply.record.history, horizon: reply.horizon })
        if (reply.counts === 'as owner' && candidate.role === 'owner') primaries.add(candidate.node)
        fanOut.alsoAsk(reply.sources, isReachable)
        return countsFor(candidate, reply) ? 'counted' : 'uncounted'
      } catch {
        return 'failed'
      }
    },
    (counted) => ({ suffices: reaches(known, atLeast), isEnough: meets(extent(counted), { ...demand, nodes: 0 }) }),
  )
  let own = emptyRecord
  const ownRead = node.replica
    .read(key)
    .then(({ record }) => {
      known = uniteReach(known, { history: record.history, horizon: hybridZero })
      own = record
    })
    // A store that fails here must not keep the others' answers from the reader.
    .catch(() => {})
  const end = await within(clock, timeoutMs, fanOut.decided)
  const leftMs = Math.max(0, deadline - clock.now())
  const patienceMs = end === 'won' ? ownPatienceMs(node, key, timeoutMs) : leftMs
  await within(clock, Math.min(leftMs, patienceMs), ownRead)
  const merge = () => [...answers.values()].reduce((sum, record) => join(sum, record, modeOf(key)), own)
  const repair = async () => {
    await ownRead
    await repairStale(node, key, owners, answers, merge())
  }
  void fanOut.settled.then(repair).catch(() => {})
  const record = merge()
  const answered = extent(fanOut.counted)
  const isEnough = meets(answered, demand)
  return {
    record,
    horizon: known.horizon,
    extent: answered,
    quorum: isEnough && reaches({ ...known, history: record.history }, atLeast),
  }
}

/** How long a get that has its answer waits for the own disk: not at all where nothing of the key can be there. */
function ownPatienceMs({ replica, routing, peers }: Coordinator, key: StoredKey, timeoutMs: number): number {
  const partition = partitionOf(key)
  const mayBeHere = replica.holds(partition) || replica.isChanging(partition) || replica.hints.size > 0
  return mayBeHere ? peers.patience.of(routing.self, timeoutMs) : 0
}

function countsFor(candidate: Asked, reply: Extract<Reply, { type: 'record' }>): boolean {
  return reply.counts !== 'as nobody' && (candidate.role === 'owner' || !saysNothing(reply.record))
}
