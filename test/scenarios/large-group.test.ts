/**
 * A long list on six nodes, read while one owner is dead and while a node joins: each key once, in order. The same of a
 * whole collection, which may leave out what it counts as unreached. `npm run test:long` has ten thousand keys.
 */
import { afterEach, expect, test } from 'vitest'
import { partitionOf } from '../../src/core/hash.ts'
import { storedKey } from '../../src/core/stored-key.ts'
import { defineCollection, type Scan } from '../../src/index.ts'
import { type MemoryCluster, openCluster } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'

const Rows = defineCollection<{ readonly text: string }>('rows')
const keys = Array.from(
  { length: process.env['TABRING_LONG'] === '1' ? 10_000 : 1_500 },
  (_, index) => `row ${String(index).padStart(5, '0')}`,
)

const rows = keys.map((key) => [key, { text: key }] as const)

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

const numberOf = (all: MemoryCluster, isWanted: (id: string) => boolean): number =>
  all.nodes.findIndex((node, index) => index > 0 && node !== undefined && isWanted(node.id))

/** All entries that a node lists, and the partitions it could not reach. */
async function listed(entries: Scan<{ readonly text: string }>) {
  const found: string[] = []
  for await (const { key, value } of entries) {
    expect(value.text).toBe(key)
    found.push(key)
  }
  return { found, unreached: entries.unreached }
}

/** Six nodes, and a seventh that is not there yet: out of placement, it joins as a new one does. */
async function six(): Promise<MemoryCluster> {
  const all = await openCluster({ nodes: 7, timeoutMs: 10_000, graceMs: 1_000 })
  cluster = all
  all.kill(6)
  await expect.poll(() => partsOf(all.node(0) as StorageNode).routing.others.length, { timeout: 30_000 }).toBe(5)
  return all
}

test('the entries of a group are each key once, in order, with one owner dead and while a node joins', async () => {
  const all = await six()
  const { failed } = await all.node(0).collection(Rows).group('all').setMany(rows)
  expect(failed.size).toBe(0)
  const { routing } = partsOf(all.node(0) as StorageNode)
  const name = storedKey({ collection: 'rows', group: 'all', key: 'any' })
  const owners: readonly string[] = routing.ownersOf(partitionOf(name))
  const reader = all.node(numberOf(all, (id) => !owners.includes(id)))
  const read = () => listed(reader.collection(Rows).group('all').entries())

  all.kill(numberOf(all, (id) => owners.includes(id)))
  expect(await read()).toEqual({ found: keys, unreached: 0 })
  const joining = all.restart(6).then((node) => node.joined({ members: 6 }))
  let isJoined = false
  void joining.then(() => {
    isJoined = true
  })
  for (let after = 0; after < 2; after += isJoined ? 1 : 0) expect(await read()).toEqual({ found: keys, unreached: 0 })
})

test('the entries of a collection are each key once, or its partition is counted, with a node dead and while one joins', async () => {
  const all = await six()
  const { failed } = await all.node(0).collection(Rows).setMany(rows)
  expect(failed.size).toBe(0)
  const read = () => listed(all.node(1).collection(Rows).entries())
  all.kill(2)
  const joining = all.restart(6).then((node) => node.joined({ members: 6 }))
  let isJoined = false
  void joining.then(() => {
    isJoined = true
  })
  for (let after = 0; after < 2; after += isJoined ? 1 : 0) {
    const { found, unreached } = await read()
    expect(new Set(found).size).toBe(found.length)
    if (unreached === 0) expect(found.sort()).toEqual(keys)
  }
})
