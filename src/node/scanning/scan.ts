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

/** The earlier end of two pages. Null comes after every name. */
const earlier = (a: StoredKey | null, b: StoredKey | null) => (a === null || (b !== null && b < a) ? b : a)

/** The pages of the nodes that have answered. */
class Pages {
  readonly #pages = new Map<NodeId, Page>()
  readonly #primaries = new Set<NodeId>()

  /** Adds the page of a node. Returns the value of that answer. */
  add({ node, role }: Pick<Asked, 'node' | 'role'>, page: Page): Given {
    this.#pages.set(node, page)
    if (page.counts === 'as owner' && role === 'owner') this.#primaries.add(node)
    return page.counts === 'as nobody' ? 'uncounted' : 'counted'
  }

  /** The extent of the answers that count. */
  extent(counted: Copies): Extent {
    const primaries = [...this.#primaries].filter((node) => counted.has(node)).length
    return { nodes: counted.size, primaries, devices: 0 }
  }

  /** All records up to the end of the shortest page: beyond it, the node of that page may hold more. */
  joined(): Scanned {
    const pages = [...this.#pages.values()]
    const next = pages.map((page) => page.next).reduce(earlier, null)
    const answers = pages.map(answersOf)
    const keys = [...new Set(answers.flatMap((of) => [...of.byKey.keys()]))].filter(
      (key) => next === null || key < next,
    )
    const recordAt = (key: StoredKey) =>
      recordOf(answers.map(({ byKey, ...answer }) => ({ ...answer, record: byKey.get(key) ?? emptyRecord })))
    return { entries: keys.sort(compareText).map((key) => ({ key, record: recordAt(key) })), next }
  }
}

/** The answers of one page about each of its keys. */
const answersOf = ({ entries, counts, floor }: Page) => ({
  byKey: new Map(entries.map(({ key, record }) => [key, record])),
  isOwner: counts === 'as owner',
  floor,
})

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
  const pages = new Pages()
  const ask = async (candidate: Pick<Asked, 'node' | 'role'>, slow: () => void): Promise<Given> => {
    try {
      const reply = await node.ask(candidate.node, request, { timeoutMs: deadline - clock.now(), slow })
      if (reply.type !== 'scanned' || !isWithin(reply, range)) return 'failed'
      fanOut.alsoAsk(reply.sources, isReachable)
      return pages.add(candidate, reply)
    } catch {
      return 'failed'
    }
  }
  const candidates = candidatesOf(owners, fallbacks.slice(0, routing.n), isReachable)
  const rule = { n: Math.max(demand.nodes, demand.primaries), needed: demand.nodes }
  const sufficiency = (counted: Copies) => ({
    suffices: true,
    isEnough: meets(pages.extent(counted), { ...demand, nodes: 0 }),
  })
  const fanOut = new FanOut(candidates, rule, ask, sufficiency, { trace, id })
  fanOut.start()
  // The hints of this node take part, though no other node knows of them.
  const isOwner = routing.owns(range.partition)
  const own = isOwner ? null : ask({ node: routing.self, role: 'fallback' }, () => {})
  await within(clock, timeoutMs, fanOut.decided)
  if (own !== null) await within(clock, Math.max(0, deadline - clock.now()), own)
  const extent = pages.extent(fanOut.counted)
  const counted = new Set(fanOut.counted.keys())
  return { ...pages.joined(), extent, counted, quorum: meets(extent, demand) }
}

/** True if a peer's page has only names of the range, and ends after its beginning. */
function isWithin({ entries, next }: Scanned, { prefixes, from }: NameRange): boolean {
  const isDue = (name: StoredKey) => prefixes.some((prefix) => name.startsWith(prefix))
  const isHere = ({ key }: KeyedRecord) => isDue(key) && key >= from && (next === null || key < next)
  return entries.every(isHere) && (next === null || (next > from && isDue(next)))
}
