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
import { type Copies, type Extent, extentOf, meets } from '../../core/quorum/demand.ts'
import { uncovered } from '../../core/quorum/stand-ins.ts'
import { afterWrite, delta, type SeenContext } from '../../core/versioning/context.ts'
import type { Record, Unwritten } from '../../core/versioning/record.ts'
import { StoreFailure } from '../../ports.ts'
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
  const written = node.author.sign(key, seen)
  const outcome = await write(node, key, delta(seen, { ...unwritten, ...written }), demand, timeoutMs)
  if (!outcome.isStored) node.author.failed(key, written)
  return { ...outcome, after: afterWrite(seen, written) }
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
  const hinting = new Set<NodeId>()
  let isStored = false
  // Who keeps it as a hint is no owner by its own view, whatever it is by this one.
  const extent = (copies: Copies) => {
    const primaries = owners.filter((owner) => !hinting.has(owner))
    return extentOf(copies, primaries, (id) => routing.deviceOf(id))
  }
  let failure: unknown = null
  const fanOut = new FanOut(
    candidatesOf(owners, fallbacks, (id) => node.isInReach(id)),
    { n: routing.n, needed: demand.nodes },
    async (candidate, slow) => {
      try {
        const request = { type: 'put', key, delta, hintFor: candidate.hintFor } as const
        const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
        if (reply.type !== 'stored') return 'failed'
        isStored = true
        if (reply.standing === 'hint') hinting.add(candidate.node)
        return reply.standing === 'syncing' ? 'uncounted' : 'counted'
      } catch (error) {
        if (candidate.node === routing.self) failure = error
        return 'failed'
      }
    },
    // A hint for an owner that has answered after all is no copy of its own: then others have to be waited for.
    (counted) => ({ suffices: true, isEnough: meets(extent(counted), demand) }),
  )
  // The rest of the time is for the own disk, which takes what no other has.
  await within(clock, (1 - bounds.keepShare) * timeoutMs, fanOut.decided)
  const keep = () => keepUncovered(node, key, delta, fanOut.candidates)
  /** What has come of it, given who has it and for whom. */
  const outcome = (copies: Copies): WriteOutcome => ({
    extent: extent(copies),
    hinted: [...hinting].filter((id) => copies.has(id)).length,
    isStored,
    failure,
  })
  if (meets(extent(fanOut.counted), demand)) {
    // Enough for the writer. The rest goes on behind his back, and so does keeping what it leaves uncovered.
    void fanOut.settled.then(keep).catch(() => {})
    return outcome(fanOut.counted)
  }
  let owed: readonly NodeId[] = []
  failure ??= new StoreFailure('failed', `nothing was heard of the own disk within ${timeoutMs} ms`)
  const keeping = keep().then(
    (kept) => {
      owed = kept
    },
    (error: unknown) => {
      failure = error
    },
  )
  // An owner may still answer, too.
  await within(clock, Math.max(0, deadline - clock.now()), Promise.all([keeping, fanOut.decided]))
  const copies = new Map(fanOut.counted)
  if (owed.length > 0) {
    isStored = true
    const before = copies.get(routing.self)
    // An owner's copy stays where it is; a hint is gone once all it is owed to have it.
    copies.set(routing.self, before?.length === 0 ? [] : [...(before ?? []), ...owed])
    hinting.add(routing.self)
  }
  return outcome(copies)
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
