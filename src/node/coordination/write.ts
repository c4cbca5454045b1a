/**
 * A put or delete, as its coordinator sees it (Dynamo, section 4.5; the coordinator is the node asked, section 6.4).
 *
 * The coordinator mints the write once, as a delta. Owners, fallbacks and retries all carry that delta, so it is one
 * write however often it arrives. If an owner does not take it and no fallback does, the coordinator keeps it: as its
 * own record if it is an owner, and else as a hint. So a put does not need other nodes within reach.
 */
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import type { Given } from '../../core/quorum/decision.ts'
import { type Copies, type Extent, extentOf, meets } from '../../core/quorum/demand.ts'
import { uncovered } from '../../core/quorum/stand-ins.ts'
import { dotName } from '../../core/versioning/causal-history.ts'
import { contextOf, delta, type SeenContext } from '../../core/versioning/context.ts'
import type { Record, Unwritten } from '../../core/versioning/record.ts'
import type { Reply } from '../../core/wire/messages.ts'
import { StoreFailure } from '../../ports.ts'
import type { TraceSaid } from '../api/trace.ts'
import { failureOf } from '../network/request-failure.ts'
import type { Routing } from '../ownership/routing.ts'
import { within } from '../scheduling/timers.ts'
import type { Coordinator } from './coordinator.ts'
import { type Asked, candidatesOf, FanOut } from './fan-out.ts'

export interface WriteOutcome {
  /** The extent of the copies that count. It holds even after hints among them have gone home. */
  readonly extent: Extent
  /** Nodes that keep the write as a hint. */
  readonly hinted: number
  /** True if any node has stored the write. An owner that is not in sync yet keeps it too, but does not count. */
  readonly isStored: boolean
  /** The reason why this node could not keep it either, if no node has stored it. */
  readonly failure: unknown
}

/** The terms of a put: `demand` copies, or as many as there are within `timeoutMs`. `id`: of the request in the trace. */
export interface Demanded {
  readonly demand: Extent
  readonly timeoutMs: number
  readonly id: number
}

/**
 * Signs a write and gives it to the nodes that are to have it. `after`: the context with the write in it. `quorum`: true
 * if its copies meet the demand.
 */
export async function put(
  node: Coordinator,
  key: StoredKey,
  seen: SeenContext,
  unwritten: Unwritten,
  demanded: Demanded,
): Promise<WriteOutcome & { readonly after: SeenContext; readonly record: Record; readonly quorum: boolean }> {
  const written = node.writeStamp.sign(key, seen)
  const { dot, time } = written
  node.trace.tell?.({ type: 'request', id: demanded.id, step: 'written', dot: dotName(dot), time })
  const record = delta(seen, { ...unwritten, ...written })
  const outcome = await write(node, key, record, demanded)
  if (!outcome.isStored) node.writeStamp.failed(key, written)
  return { ...outcome, after: contextOf(record, seen.horizon), record, quorum: meets(outcome.extent, demanded.demand) }
}

type Standing = Extract<Reply, { type: 'stored' }>['standing']

/** As whom a node has stored a write, in the words of the trace. */
const said = { owner: 'owner', syncing: 'nobody', hint: 'stand-in' } as const satisfies Readonly<{
  [S in Standing]: TraceSaid
}>

/**
 * The progress of one write: the nodes that keep it as a hint, and if any node has stored it. `isOwn`: this node has it
 * among its own records. `failure`: the reason why this node has not stored it.
 */
class Held {
  readonly #routing: Pick<Routing, 'deviceOf' | 'self'>
  readonly #owners: readonly NodeId[]
  readonly #hinting = new Set<NodeId>()
  #isStored = false
  isOwn = false
  failure: unknown = null

  constructor(routing: Pick<Routing, 'deviceOf' | 'self'>, owners: readonly NodeId[]) {
    this.#routing = routing
    this.#owners = owners
  }

  /** A node has stored the write, in the standing it says. Returns the value of that answer. */
  stored(by: NodeId, standing: Standing): Given {
    this.#isStored = true
    if (standing === 'hint') this.#hinting.add(by)
    else if (by === this.#routing.self) this.isOwn = true
    return standing === 'syncing' ? 'uncounted' : 'counted'
  }

  /** The extent of these copies. A node that replied "hint" is no owner in its own view, even if it is one in ours. */
  extent(copies: Copies): Extent {
    const primaries = this.#owners.filter((owner) => !this.#hinting.has(owner))
    return extentOf(copies, primaries, (id) => this.#routing.deviceOf(id))
  }

  /** The outcome so far. `owed`: the owners that get the write from this node. */
  outcome(counted: Copies, owed: readonly NodeId[] = []): WriteOutcome {
    const copies = new Map(counted)
    if (owed.length > 0) {
      const { self } = this.#routing
      const before = copies.get(self)
      // An owner's copy stays. A hint is gone once every owner it is kept for has the write.
      copies.set(self, before?.length === 0 ? [] : [...(before ?? []), ...owed])
    }
    const hinted = [...this.#hinting].filter((id) => copies.has(id)).length
    return { extent: this.extent(copies), hinted, isStored: this.#isStored, failure: this.failure }
  }
}

/** Writes `delta` to as many nodes as `demand` says, or to as many as there are within `timeoutMs`. */
export async function write(
  node: Coordinator,
  key: StoredKey,
  delta: Record,
  { demand, timeoutMs, id }: Demanded,
): Promise<WriteOutcome> {
  const { routing, clock, trace } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceOf(key)
  const held = new Held(routing, owners)
  const ask = async (candidate: Asked, slow: () => void): Promise<Given> => {
    try {
      const request = { type: 'put', key, delta, hintFor: candidate.hintFor } as const
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      if (reply.type !== 'stored') return 'failed'
      candidate.said = said[reply.standing]
      return held.stored(candidate.node, reply.standing)
    } catch (error) {
      candidate.said = failureOf(error)
      if (candidate.node === routing.self) held.failure = error
      return 'failed'
    }
  }
  const candidates = candidatesOf(owners, fallbacks, (other) => node.isInReach(other))
  const sufficiency = (counted: Copies) => ({
    suffices: true,
    // A hint may be kept for an owner that has answered after all. It is no copy of its own, so others are waited for.
    isEnough: meets(held.extent(counted), demand),
  })
  const fanOut = new FanOut(candidates, { n: routing.n, needed: demand.nodes }, ask, sufficiency, { trace, id })
  fanOut.start()
  // The rest of the time is for this node's own disk, which keeps the write if no other node has.
  await within(clock, (1 - bounds.keepShare) * timeoutMs, fanOut.decided)
  const keep = () => keepUncovered(node, key, delta, fanOut.candidates, held)
  if (meets(held.extent(fanOut.counted), demand)) {
    // The writer has enough. After its answer the other nodes are still asked, and uncovered owners are seen to.
    void fanOut.settled.then(keep).catch(() => {})
    return held.outcome(fanOut.counted)
  }
  let owed: readonly NodeId[] = []
  held.failure ??= new StoreFailure('failed', `nothing was heard of the own disk within ${timeoutMs} ms`)
  const keeping = keep().then(
    (kept) => {
      owed = kept
    },
    (error: unknown) => {
      held.failure = error
    },
  )
  // Meanwhile an owner may still answer.
  await within(clock, Math.max(0, deadline - clock.now()), Promise.all([keeping, fanOut.decided]))
  return held.outcome(fanOut.counted, owed)
}

/**
 * Keeps the delta here for the uncovered owners: those without the write and without a stand-in. Returns them. An owner
 * has it already: its own record is what the others get, in an exchange.
 */
async function keepUncovered(
  { replica, routing, onMissed }: Coordinator,
  key: StoredKey,
  delta: Record,
  candidates: readonly Asked[],
  held: Held,
): Promise<readonly NodeId[]> {
  const owed = uncovered(candidates)
  if (held.isOwn) for (const owner of owed) onMissed(owner, partitionOf(key))
  if (owed.length === 0 || held.isOwn) return owed
  await replica.take([{ key, record: delta, hintFor: owed }], 'relaxed')
  held.stored(routing.self, routing.owns(partitionOf(key)) ? 'owner' : 'hint')
  return owed
}
