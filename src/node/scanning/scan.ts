/**
 * A scan, as its coordinator sees it: the records of one partition, in the order of their names (not in the paper).
 *
 * All keys of a group lie in one partition. So a page of a group is one quorum read, as a get is: the same owners, the
 * same rule of when the answers are enough. An answer covers the names up to the next page it knows of. The result
 * covers as much as every answer does. Stand-ins add what they keep as hints. They do not count: a stand-in
 * knows nothing of the other keys.
 */
import { recordOf } from '../../core/acceptance/answers.ts'
import { compareText, type NodeId, type StoredKey } from '../../core/ids.ts'
import type { Given } from '../../core/quorum/decision.ts'
import { type Copies, type Extent, meets } from '../../core/quorum/demand.ts'
import { emptyRecord } from '../../core/versioning/record.ts'
import type { KeyedRecord, NameRange, Reply, Request } from '../../core/wire/messages.ts'
import type { Coordinator } from '../coordination/coordinator.ts'
import { type Asked, candidatesOf, FanOut } from '../coordination/fan-out.ts'
import { Primaries } from '../coordination/read.ts'
import { within } from '../scheduling/timers.ts'

/** One page of a scan. `next`: the name with which the next page begins, null after the last one. */
export interface ScannedPage {
  readonly entries: readonly KeyedRecord[]
  readonly next: StoredKey | null
  readonly extent: Extent
  /** The nodes whose answers counted. */
  readonly counted: ReadonlySet<NodeId>
  readonly quorum: boolean
}

type Page = Extract<Reply, { type: 'scanned' }>
type Scanned = Pick<Page, 'entries' | 'next'>

/** All records of these pages up to the end of the shortest one: beyond it, the node of that page may hold more. */
function joined(pages: readonly Page[]): Scanned {
  const [next = null] = pages.flatMap((page) => page.next ?? []).sort(compareText)
  const answers = pages.map(({ entries, floor, counts }) => {
    const records = new Map(entries.map(({ key, record }) => [key, record]))
    return { records, floor, isOwner: counts === 'as owner' }
  })
  const keys = [...new Set(answers.flatMap(({ records }) => [...records.keys()]))].sort(compareText)
  const entries = keys
    .filter((key) => next === null || key < next)
    .map((key) => {
      const about = answers.map(({ records, ...answer }) => ({ ...answer, record: records.get(key) ?? emptyRecord }))
      return { key, record: recordOf(about) }
    })
  return { entries, next }
}

export async function scan(
  node: Coordinator,
  range: NameRange,
  { demand, timeoutMs, id }: { readonly demand: Extent; readonly timeoutMs: number; readonly id: number },
): Promise<ScannedPage> {
  const { routing, clock, trace } = node
  const deadline = clock.now() + timeoutMs
  const { owners, fallbacks } = routing.preferenceIn(range.partition)
  const isReachable = (other: NodeId) => node.isInReach(other)
  const request: Request = { type: 'scan', ...range }
  const pages = new Map<NodeId, Page>()
  const primaries = new Primaries()
  const ask = async (candidate: Pick<Asked, 'node' | 'role'>, slow: () => void): Promise<Given> => {
    try {
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      if (reply.type !== 'scanned' || !isWithin(reply, range)) return 'failed'
      fanOut.alsoAsk(reply.sources, isReachable)
      pages.set(candidate.node, reply)
      primaries.answered(candidate, reply.counts)
      return reply.counts === 'as nobody' ? 'uncounted' : 'counted'
    } catch {
      return 'failed'
    }
  }
  const candidates = candidatesOf(owners, fallbacks.slice(0, routing.n), isReachable)
  const rule = { n: Math.max(demand.nodes, demand.primaries), needed: demand.nodes }
  const sufficiency = (counted: Copies) => ({
    suffices: true,
    isEnough: meets(primaries.extent(counted), { ...demand, nodes: 0 }),
  })
  const fanOut = new FanOut(candidates, rule, ask, sufficiency, { trace, id })
  fanOut.start()
  // The hints of this node take part, though no other node knows of them.
  const isOwner = routing.owns(range.partition)
  const own = isOwner ? null : ask({ node: routing.self, role: 'fallback' }, () => {})
  await within(clock, timeoutMs, fanOut.decided)
  if (own !== null) await within(clock, Math.max(0, deadline - clock.now()), own)
  const extent = primaries.extent(fanOut.counted)
  const counted = new Set(fanOut.counted.keys())
  return { ...joined([...pages.values()]), extent, counted, quorum: meets(extent, demand) }
}

/** True if a peer's page has only names of the range, and ends after its beginning. */
function isWithin({ entries, next }: Scanned, { prefixes, from }: NameRange): boolean {
  const isDue = (name: StoredKey) => prefixes.some((prefix) => name.startsWith(prefix))
  const isHere = ({ key }: KeyedRecord) => isDue(key) && key >= from && (next === null || key < next)
  return entries.every(isHere) && (next === null || (next > from && isDue(next)))
}
