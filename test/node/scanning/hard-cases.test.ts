/**
 * Hard cases of scans: the hints that the asking node keeps for others take part, and belong to partitions of their own.
 */
import { expect, test } from 'vitest'
import { defineCollection } from '../../../src/collections/define-collection.ts'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import type { NodeId, StoredKey } from '../../../src/core/ids.ts'
import { prefixesOf, prefixOf, storedKey } from '../../../src/core/stored-key.ts'
import { emptyRecord } from '../../../src/core/versioning/record.ts'
import type { Request } from '../../../src/core/wire/messages.ts'
import { Trace } from '../../../src/node/api/trace.ts'
import type { Coordinator } from '../../../src/node/coordination/coordinator.ts'
import { Listing } from '../../../src/node/scanning/listing.ts'
import { scan } from '../../../src/node/scanning/scan.ts'
import type { Replica } from '../../../src/node/storage/replica.ts'
import { partsOf } from '../../../src/node/storage-node.ts'
import { nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import type { Place } from '../../simulation/world.ts'
import { keepApart, nodeOf, virtualRing } from '../virtual-ring.ts'

const collection = 'things'
const namesIn = (group: string | null, count: number) =>
  Array.from({ length: count }, (_, index) => storedKey({ collection, group, key: `${index}` }))

test('a page of one partition holds no hint of another, and a key once that has a record and a hint', async () => {
  const names = namesIn(null, 5)
  const [first] = names as [StoredKey]
  const replica = {
    hints: { keys: names },
    forest: async () => ({ keysOf: () => [keyHashOf(first)] }),
    records: async () => [{ key: first }],
    readEach: async (keys: readonly StoredKey[]) => keys.map(() => ({ record: emptyRecord, isLost: false })),
  } as unknown as Replica
  const partition = partitionOf(first)
  const prefixes = prefixesOf(collection)
  const page = await new Listing(replica).page({ partition, prefixes, from: prefixes[0] as StoredKey, limit: 128 })
  expect(page).toEqual({ entries: [{ key: first, record: emptyRecord }], next: null, isLost: false })
})

/** A node that owns nothing and keeps hints of these names, beside one owner that has none of them. */
function keeping(names: readonly StoredKey[]): Coordinator {
  const clock = new VirtualClock().seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const [self, owner] = [nodeName(1), nodeName(2)]
  return {
    clock,
    trace: new Trace(clock),
    routing: { self, n: 1, owns: () => false, preferenceIn: () => ({ owners: [owner], fallbacks: [] }) },
    isInReach: () => true,
    ask: async (node: NodeId, request: Request) => {
      const { from, limit } = request as Extract<Request, { type: 'scan' }>
      const due = node === self ? names.filter((name) => name >= from) : []
      const entries = due.slice(0, limit).map((key) => ({ key, record: emptyRecord }))
      const counts = node === owner ? 'as owner' : 'as nobody'
      return { type: 'scanned', entries, next: due[limit] ?? null, counts, sources: [] }
    },
  } as unknown as Coordinator
}

test('a page ends where the page of the own hints ends, so the pages have all of them', async () => {
  const names = namesIn('list', 10)
  const node = keeping(names)
  const [first] = names as [StoredKey]
  const prefix = prefixOf(collection, 'list') as StoredKey
  const found: StoredKey[] = []
  const terms = { demand: { nodes: 1, primaries: 0, devices: 0 }, timeoutMs: 1_000, id: 0 }
  for (let from: StoredKey | null = prefix; from !== null; ) {
    const range = { partition: partitionOf(first), prefixes: [prefix], from, limit: 4 }
    const { entries, next } = await scan(node, range, terms)
    found.push(...entries.map(({ key }) => key))
    from = next
  }
  expect(found).toEqual(names)
})

test('the entries of a collection are each key once, though the node that lists them keeps some as hints', async () => {
  const { world, ahead } = await virtualRing({ nodes: 4 })
  keepApart(world, [[0], [1, 2, 3]])
  const node = nodeOf(world.places[0] as Place)
  const things = node.collection(defineCollection<number>(collection))
  const keys = Array.from({ length: 8 }, (_, index) => `key ${index}`)
  for (const key of keys) await ahead(things.set(key, 1, { timeoutMs: 500 }))
  const { replica } = partsOf(node)
  expect([replica.hints.size > 0, replica.recordCount > 0]).toEqual([true, true])
  const list = async () => {
    const found: string[] = []
    for await (const { key } of things.entries({ timeoutMs: 200 })) found.push(key)
    return found.sort()
  }
  expect(await ahead(list())).toEqual(keys)
})
