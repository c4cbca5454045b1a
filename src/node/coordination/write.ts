/**
 * A put or delete, as its coordinator sees it (Dynamo, section 4.5; the coordinator is the tab that was asked,
 * section 6.4).
 *
 * The write is minted here, once, as a delta; owners, fallbacks and retries all carry that same delta, so however
 * often and wherever it arrives it is one write. Whatever no owner and no fallback has taken, the coordinator keeps
 * and hands on itself: a put is never refused because others are unreachable.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import type { Answer } from '../../core/quorum/decision.ts'
import { type Copies, type Extent, extentOf, meets } from '../../core/quorum/demand.ts'
import { uncovered } from '../../core/quorum/stand-ins.ts'
import { afterWrite, delta, type SeenContext } from '../../core/versioning/context.ts'
import type { Record, Unwritten } from '../../core/versioning/record.ts'
import type { Reply } from '../../core/wire/messages.ts'
import { StoreFailure } from '../../ports.ts'
import type { Routing } from '../ownership/routing.ts'
import { within } from '../scheduling/timers.ts'
import type { Coordinator } from './coordinator.ts'
import { type Asked, candidatesOf, FanOut } from './fan-out.ts'

export interface WriteOutcome {
  /** What has stored the delta and counts, whichever of its hints have gone home by now. */
  readonly extent: Extent
  /** How many of the nodes keep it as a hint. */
  readonly hinted: number
  /** Whether anybody has it at all: owners that are not in sync yet keep it too, but do not count. */
  readonly isStored: boolean
  /** Why this node could not keep it either, where nobody has. */
  readonly failure: unknown
}

/** What a put asks for: as much as is demanded, or as much as there is within `timeoutMs`. */
export interface Demanded {
  readonly demand: Extent
  readonly timeoutMs: number
}

/** Signs a write and gives it to the nodes that are to have it. `after`: the context with the write in it. */
export async function put(
  node: Coordinator,
  key: StoredKey,
  seen: SeenContext,
  unwritten: Unwritten,
  { demand, timeoutMs }: Demanded,
): Promise<WriteOutcome & { readonly after: SeenContext }> {
  const written = node.writeStamp.sign(key, seen)
  const outcome = await write(node, key, delta(seen, { ...unwritten, ...written }), demand, timeoutMs)
  if (!outcome.isStored) node.writeStamp.failed(key, written)
  return { ...outcome, after: afterWrite(seen, written) }
}

/** Which nodes have a write so far, and for whom; and why this node has not. */
class Held {
  readonly #routing: Pick<Routing, 'deviceOf' | 'self'>
  readonly #owners: readonly NodeId[]
  readonly #hinting = new Set<NodeId>()
  #isStored = false
  failure: unknown = null

  constructor(routing: Pick<Routing, 'deviceOf' | 'self'>, owners: readonly NodeId[]) {
    this.#routing = routing
    this.#owners = owners
  }

  /** A node has stored it, as which it says. Returns what that is worth. */
  stored(by: NodeId, standing: Extract<Reply, { type: 'stored' }>['standing']): Answer {
    this.#isStored = true
    if (standing === 'hint') this.#hinting.add(by)
    return standing === 'syncing' ? 'uncounted' : 'counted'
  }

  /** How far it has come. A node that keeps it as a hint is no owner by its own view, whatever it is by this one. */
  extent(copies: Copies): Extent {
    const primaries = this.#owners.filter((owner) => !this.#hinting.has(owner))
    return extentOf(copies, primaries, (id) => this.#routing.deviceOf(id))
  }

  /** What has come of it, beside this node's own copy for the owners it keeps it for. */
  outcome(counted: Copies, owed: readonly NodeId[] = []): WriteOutcome {
    const copies = new Map(counted)
    if (owed.length > 0) {
      const { self } = this.#routing
      this.stored(self, 'hint')
      const before = copies.get(self)
      // An owner's copy stays where it is; a hint is gone once all it is owed to have it.
      copies.set(self, before?.length === 0 ? [] : [...(before ?? []), ...owed])
    }
    const hinted = [...this.#hinting].filter((id) => copies.has(id)).length
    return { extent: this.extent(copies), hinted, isStored: this.#isStored, failure: this.failure }
  }
}

/** Writes `delta` to as many as are demanded, or to as many as there are within `timeoutMs`. */
export async function write(
  node: Coordinator,
  key: StoredKey,
  delta: Record,
  demand: Extent,
  timeoutMs: number,
): Promise<WriteOutcome> {
  const { routing, clock } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceOf(key)
  const held = new Held(routing, owners)
  const ask = async (candidate: Asked, slow: () => void): Promise<Answer> => {
    try {
      const request = { type: 'put', key, delta, hintFor: candidate.hintFor } as const
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      return reply.type === 'stored' ? held.stored(candidate.node, reply.standing) : 'failed'
    } catch (error) {
      if (candidate.node === routing.self) held.failure = error
      return 'failed'
    }
  }
  const candidates = candidatesOf(owners, fallbacks, (id) => node.isInReach(id))
  const fanOut = new FanOut(candidates, { n: routing.n, needed: demand.nodes }, ask, (counted) => ({
    suffices: true,
    // A hint for an owner that has answered after all is no copy of its own: then others have to be waited for.
    isEnough: meets(held.extent(counted), demand),
  }))
  fanOut.start()
  // The rest of the time is for the own disk, which takes what no other has.
  await within(clock, (1 - bounds.keepShare) * timeoutMs, fanOut.decided)
  const keep = () => keepUncovered(node, key, delta, fanOut.candidates)
  if (meets(held.extent(fanOut.counted), demand)) {
    // Enough for the writer. The rest goes on behind his back, and so does keeping what it leaves uncovered.
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
  // An owner may still answer, too.
  await within(clock, Math.max(0, deadline - clock.now()), Promise.all([keeping, fanOut.decided]))
  return held.outcome(fanOut.counted, owed)
}

/** Keeps the delta here for those owners that neither have it nor have a stand-in, and returns them. */
async function keepUncovered(
  { replica }: Coordinator,
  key: StoredKey,
  delta: Record,
  candidates: readonly Asked[],
): Promise<readonly NodeId[]> {
  const owed = uncovered(candidates)
  if (owed.length > 0) await replica.take([{ key, record: delta, hintFor: owed }], 'relaxed')
  return owed
}
