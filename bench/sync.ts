/**
 * `npm run bench:sync [-- --json]`: what it costs two nodes to find out in what they differ, beside what is promised.
 *
 * Exact payload bytes of all messages both ways, and round trips until the asking side can act on every difference; the mean of
 * five seeds. An item is a 16-byte key hash and a 16-byte version hash; of the different keys half are stale and a quarter is
 * missing on each side. All 1024 partitions are shared. The figures of negentropy on the same sets are from bench/RESULTS.md.
 */
import { hashOf } from '../src/core/hash.ts'
import { Answering } from '../src/core/merkle/answering.ts'
import { Asking } from '../src/core/merkle/asking.ts'
import type { Item } from '../src/core/merkle/reconciliation.ts'
import { allPartitions, differencesOf, forestOf, itemsOf, pairOf, talk, viewOf } from '../test/core/merkle/sets.ts'

const seeds = [1, 2, 3, 4, 5]

interface Row {
  readonly name: string
  readonly sets: (seed: number) => readonly [readonly Item[], readonly Item[]]
  readonly maxBytes: number
  readonly maxRoundTrips: number
  readonly negentropy: string
  readonly kind?: 'probe'
}

const differing = (
  count: number,
  different: number,
  maxBytes: number,
  maxRoundTrips: number,
  negentropy: string,
): Row => ({
  name: `${count / 1000}k, ${different === count ? 'all differ' : different}`,
  sets: (seed) => (different === count ? allStale(count, seed) : pairOf(count, different, seed)),
  maxBytes,
  maxRoundTrips,
  negentropy,
})

function allStale(count: number, seed: number): readonly [readonly Item[], readonly Item[]] {
  const left = itemsOf(count, seed)
  const versions = itemsOf(count, seed + 77)
  return [left, left.map(({ key }, index) => ({ key, version: versions[index]?.version ?? key }))]
}

const rows: readonly Row[] = [
  ...[1000, 10_000, 100_000].map(
    (count): Row => ({
      name: `${count / 1000}k, 0 (probe)`,
      sets: (seed) => [itemsOf(count, seed), itemsOf(count, seed)],
      maxBytes: 48,
      maxRoundTrips: 1,
      negentropy: '334 to 350 / 1',
      kind: 'probe',
    }),
  ),
  differing(1000, 10, 2_000, 1, '5,682 / 2'),
  differing(10_000, 1, 1_100, 1, '1,106 / 2'),
  differing(10_000, 100, 11_000, 2, '42,935 / 2'),
  differing(100_000, 1, 1_500, 2, '1,839 / 2'),
  differing(100_000, 10, 3_000, 2, '14,593 / 2'),
  differing(100_000, 100, 16_500, 2, '113,329 / 2'),
  differing(100_000, 1000, 115_000, 2, '796,906 / 2'),
  ...[1000, 10_000, 100_000].map((count) => differing(count, count, 40 * count, 2, '33 to 73 an item / 2')),
  ...([0, 1] as const).map(
    (empty): Row => ({
      name: `10k, ${empty === 0 ? 'the asking' : 'the asked'} side empty`,
      sets: (seed) => (empty === 0 ? [[], itemsOf(10_000, seed)] : [itemsOf(10_000, seed), []]),
      maxBytes: 32 * 10_000 + 128,
      maxRoundTrips: 1,
      negentropy: '32 an item / 1',
    }),
  ),
]

function measure({ sets, kind = 'whole' as const }: Pick<Row, 'sets'> & { readonly kind?: 'probe' | 'whole' }) {
  let [bytes, roundTrips] = [0, 0]
  for (const seed of seeds) {
    const [left, right] = sets(seed)
    const asking = new Asking(viewOf(left), seed % 4)
    const cost = talk(asking, new Answering(viewOf(right)), kind)
    if (differencesOf(asking) === null) throw new Error('the differences found were not the right ones')
    bytes += cost.bytes / seeds.length
    roundTrips = Math.max(roundTrips, cost.roundTrips)
  }
  return { bytes: Math.round(bytes), roundTrips }
}

/** Frees what is free; buffers take a second round. */
function collect(): void {
  for (let round = 0; round < 4; round += 1) globalThis.gc?.()
}

/** Hash evaluations and bytes of memory of a tree of so many keys. */
function measureTree(count: number) {
  let evaluations = 0
  const counting = (input: Uint8Array) => {
    evaluations += 1
    return hashOf(input)
  }
  const items = itemsOf(count, 1)
  collect()
  const before = process.memoryUsage()
  const forest = forestOf(items, counting)
  const startedAt = performance.now()
  forest.view(allPartitions).proof()
  const rebuildMs = performance.now() - startedAt
  collect()
  const after = process.memoryUsage()
  const rebuild = evaluations
  evaluations = 0
  const updates = 100
  for (const [index, { version }] of itemsOf(updates, 2).entries()) {
    forest.set(items[index]?.key ?? version, version)
    forest.view(allPartitions).proof()
  }
  const bytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
  return {
    count: forest.size,
    rebuild,
    rebuildMs: Math.round(rebuildMs),
    update: evaluations / updates,
    bytesPerItem: Math.round((10 * bytes) / count) / 10,
  }
}

// Before anything else has left garbage behind.
const tree = measureTree(100_000)
const results = rows.map((row) => ({ ...row, ...measure(row) }))
let isGood = true
console.log('n, d                        bytes  (max)  round trips (max)  negentropy')
for (const { name, bytes, maxBytes, roundTrips, maxRoundTrips, negentropy } of results) {
  const isMet = bytes <= maxBytes && roundTrips <= maxRoundTrips
  isGood &&= isMet
  console.log(
    `${name.padEnd(26)} ${String(bytes).padStart(9)} ${`(${maxBytes})`.padStart(10)} ${roundTrips} (${maxRoundTrips})  ${negentropy}${isMet ? '' : '  OVER'}`,
  )
}
isGood &&= tree.rebuild <= 20_000 && tree.update <= 5 && tree.bytesPerItem <= 48
console.log(
  `a tree of ${tree.count} keys: ${tree.rebuild} evaluations to rebuild (max 20000, ${tree.rebuildMs} ms), ${tree.update} for an update (max 5), ${tree.bytesPerItem} bytes an item (max 48)`,
)
if (process.argv.includes('--json')) {
  const figures = results.map(({ name, bytes, maxBytes, roundTrips, maxRoundTrips }) => ({
    name,
    bytes,
    maxBytes,
    roundTrips,
    maxRoundTrips,
  }))
  console.log(JSON.stringify({ rows: figures, tree, isGood }))
}
process.exitCode = isGood ? 0 : 1
