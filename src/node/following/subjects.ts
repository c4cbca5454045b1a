/**
 * Subjects of views: one key, or all keys of a group.
 */
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import type { Extent } from '../../core/quorum/demand.ts'
import { keyIn } from '../../core/stored-key.ts'
import { blindContext } from '../../core/versioning/context.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { checkRange } from '../api/arguments.ts'
import type { Coordinator } from '../coordination/coordinator.ts'
import { read } from '../coordination/read.ts'
import { scan } from '../scanning/scan.ts'
import type { Subject } from './view.ts'

interface Terms {
  readonly demand: Extent
  readonly timeoutMs: number
}

/**
 * The terms of one read. Owners that tell of changes must answer, r of them if there are so many: a stand-in counts for
 * r as well, but tells nothing afterwards.
 */
function termsOf({ demand, timeoutMs }: Terms, telling: number): Terms {
  const primaries = Math.max(demand.primaries, Math.min(demand.nodes, telling))
  return { demand: { ...demand, primaries }, timeoutMs }
}

export function keySubject(coordinator: Coordinator, key: StoredKey, terms: Terms): Subject {
  return {
    partition: partitionOf(key),
    r: terms.demand.nodes,
    includes: (each) => each === key,
    read: (telling) =>
      coordinator.trace.request('get', keyIn(key), 'view', async (id) => {
        const asked = { ...termsOf(terms, telling), atLeast: blindContext, id }
        const { record, quorum, counted } = await read(coordinator, key, asked)
        return { entries: [{ key, record }], quorum, counted }
      }),
  }
}

export function groupSubject(
  coordinator: Coordinator,
  { collection, group }: { readonly collection: string; readonly group: string },
  terms: Terms,
): Subject {
  const range = checkRange({ collection, where: { group } })
  const [prefix = ''] = range.prefixes
  return {
    partition: range.partition,
    r: terms.demand.nodes,
    includes: (key) => key.startsWith(prefix),
    read: (telling) =>
      coordinator.trace.request('scan', group, 'view', async (id) => {
        const entries: KeyedRecord[] = []
        let isWhole = true
        let counted: ReadonlySet<NodeId> | null = null
        for (let from: string | null = range.from; from !== null; ) {
          const page = await scan(coordinator, { ...range, from }, { ...termsOf(terms, telling), id })
          entries.push(...page.entries)
          isWhole &&= page.quorum
          const before: ReadonlySet<NodeId> = counted ?? page.counted
          counted = new Set([...page.counted].filter((node) => before.has(node)))
          from = page.next
        }
        return { entries, quorum: isWhole, counted: counted ?? new Set() }
      }),
  }
}
