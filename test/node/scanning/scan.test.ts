/**
 * Scans of a group: pages in the order of keys, each a quorum read of the group's partition.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { partitionOf } from '../../../src/core/hash.ts'
import { storedKey } from '../../../src/core/stored-key.ts'
import { type MemoryCluster, openCluster, type TabringNode } from '../../../src/memory/open-cluster.ts'
import { accessOf } from '../../../src/node/access.ts'
import type { ScanRange } from '../../../src/node/api/named-requests.ts'
import type { GetOptions } from '../../../src/node/api/tabring-node.ts'
import { insideNode, partsOf, type StorageNode } from '../../../src/node/storage-node.ts'

const [collection, group] = ['todos', 'list']
const count = 300

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

const named = (key: string) => ({ collection, group, key })
const keysTo = (end: number) => Array.from({ length: end }, (_, index) => `${index}`.padStart(4, '0'))
const requestsAt = (all: MemoryCluster, index: number) => accessOf(insideNode(all.node(index) as StorageNode))

/** A ring in which one node has put the keys `0000` to `count - 1`, in no order, beside keys of other groups. */
async function filled(nodes: number): Promise<MemoryCluster> {
  cluster = await openCluster({ nodes, timeoutMs: 10_000 })
  const others = [
    { ...named('0007'), group: 'list 2' },
    { ...named('0008'), group: null },
    { ...named('0009'), collection: 'todo' },
  ]
  const names = [...keysTo(count).reverse().map(named), ...others]
  await Promise.all(names.map((name) => requestsAt(cluster as MemoryCluster, 0).put(name, null, `at ${name.key}`)))
  return cluster
}

/** All pages of a scan. */
async function scanned(node: TabringNode, range: Partial<ScanRange> = {}, options: GetOptions = {}) {
  const pages = []
  for (let from: string | null | undefined; from !== null; from = pages.at(-1)?.next) {
    const at = from === undefined ? {} : { from }
    pages.push(
      await accessOf(insideNode(node as StorageNode)).scan({ collection, where: { group }, ...range, ...at }, options),
    )
  }
  return {
    keys: pages.flatMap(({ entries }) => entries.map(({ name }) => name.key)),
    values: pages.flatMap(({ entries }) => entries.flatMap(({ values }) => values)),
    pages: pages.length,
    quorum: pages.every(({ quorum }) => quorum),
  }
}

/** The numbers of the nodes that own the group, and of those that do not. */
function sidesOf(all: MemoryCluster): { readonly owners: readonly number[]; readonly others: readonly number[] } {
  const { routing } = partsOf(all.node(0) as StorageNode)
  const owners: readonly string[] = routing.ownersOf(partitionOf(storedKey(named('any'))))
  const numbers = all.nodes.map((node, index) => ({ index, owns: node !== undefined && owners.includes(node.id) }))
  const those = (owns: boolean) => numbers.filter((each) => each.owns === owns).map(({ index }) => index)
  return { owners: those(true), others: those(false) }
}

test('keys of one group lie in one partition, whatever they are, and those of another as a rule elsewhere', () => {
  const partitions = new Set(keysTo(100).map((key) => partitionOf(storedKey(named(key)))))
  expect(partitions.size).toBe(1)
  const groups = keysTo(100).map((other) => partitionOf(storedKey({ collection, group: other, key: 'a' })))
  expect(new Set(groups).size).toBeGreaterThan(80)
})

describe('a scan of a group', () => {
  test('returns each key once, in order, from any node, page by page, and no key of another group', async () => {
    const all = await filled(5)
    for (let index = 0; index < 5; index += 1) {
      const { keys, values, pages, quorum } = await scanned(all.node(index))
      expect(keys).toEqual(keysTo(count))
      expect(values).toEqual(keysTo(count).map((key) => `at ${key}`))
      expect([pages, quorum]).toEqual([3, true])
    }
  })

  test('returns the keys that begin with a prefix, a few at a time', async () => {
    const all = await filled(3)
    const { keys, pages } = await scanned(all.node(1), { prefix: '01', limit: 40 })
    expect(keys).toEqual(keysTo(200).slice(100))
    expect(pages).toBe(3)
    expect((await scanned(all.node(1), { prefix: 'none' })).keys).toEqual([])
  })

  test('of a whole collection visits each partition, and returns each key once, those in groups included', async () => {
    const all = await filled(3)
    const found: string[] = []
    for (let partition = 0; partition < bounds.partitions; partition += 1) {
      const { keys } = await scanned(all.node(partition % 3), { where: { partition }, limit: 100 })
      found.push(...keys)
    }
    expect(found.sort()).toEqual([...keysTo(count), '0007', '0008'].sort())
  })

  test('leaves out what was deleted, and shows both siblings of what two wrote blindly', async () => {
    const all = await filled(3)
    const { context } = await requestsAt(all, 0).get(named('0001'))
    await requestsAt(all, 1).delete(named('0001'), context)
    await requestsAt(all, 2).put(named('0002'), null, 'another')
    const page = await requestsAt(all, 1).scan({ collection, where: { group }, limit: 2 })
    expect(page.entries.map(({ name }) => name.key)).toEqual(['0000', '0002'].slice(0, page.entries.length))
    const { keys, values } = await scanned(all.node(1))
    expect(keys).toEqual(keysTo(count).filter((key) => key !== '0001'))
    expect(values.filter((value) => value === 'another' || value === 'at 0002').length).toBe(2)
  })

  test('is complete with one owner dead, and says so when two are', async () => {
    const all = await filled(6)
    const { owners, others } = sidesOf(all)
    const [reader = 0] = others
    all.kill(owners[0] as number)
    const one = await scanned(all.node(reader))
    expect([one.keys, one.quorum]).toEqual([keysTo(count), true])
    all.kill(owners[1] as number)
    const two = await scanned(all.node(reader), {}, { timeoutMs: 1_000 })
    expect([two.keys, two.quorum]).toEqual([keysTo(count), false])
    await expect(scanned(all.node(reader), {}, { timeoutMs: 1_000, strict: true })).rejects.toMatchObject({
      code: 'quorum-unreachable',
    })
  })

  test('is complete at every moment while an owner comes back that has missed keys', async () => {
    const all = await filled(6)
    const { owners, others } = sidesOf(all)
    const [writer = 0, reader = 0] = others
    all.kill(owners[0] as number)
    const more = Array.from({ length: 100 }, (_, index) => `more ${`${index}`.padStart(2, '0')}`)
    await Promise.all(more.map((key) => requestsAt(all, writer).put(named(key), null, key)))
    const back = all.restart(owners[0] as number).then((node) => node.joined({ members: 6 }))
    let isBack = false
    void back.then(() => {
      isBack = true
    })
    for (let scans = 0; scans < 3 || !isBack; scans += 1) {
      const { keys, quorum } = await scanned(all.node(reader))
      expect([keys, quorum]).toEqual([[...keysTo(count), ...more], true])
    }
    expect((await scanned(all.node(owners[0] as number))).keys).toEqual([...keysTo(count), ...more])
  })

  test('finds what stand-ins keep as hints while all owners are away', async () => {
    const all = await filled(6)
    const { owners, others } = sidesOf(all)
    for (const owner of owners) all.kill(owner)
    const [writer = 0, reader = 0] = others
    await requestsAt(all, writer).put(named('9999'), null, 'kept', { timeoutMs: 2_000 })
    const { keys, quorum } = await scanned(all.node(reader), {}, { timeoutMs: 2_000 })
    expect(keys).toContain('9999')
    expect(quorum).toBe(false)
  })

  test('goes on while values are too large for one message', async () => {
    const all = await openCluster({ nodes: 3 })
    cluster = all
    const value = 'x'.repeat(300_000)
    for (const key of keysTo(5)) await requestsAt(all, 0).put(named(key), null, value)
    const { keys, pages } = await scanned(all.node(1))
    expect([keys, pages]).toEqual([keysTo(5), 5])
  })

  test.each([
    { range: { limit: 0 } },
    { range: { limit: 129 } },
    { range: { limit: 1.5 } },
    { range: { where: { group: 'a\u0000' } } },
    { range: { collection: 'a\u0001' } },
    { range: { prefix: 7 as unknown as string } },
    { range: { where: { partition: 1024 } } },
  ])('is refused with $range, before anything is asked', async ({ range }) => {
    cluster = await openCluster({ nodes: 1 })
    const asked = requestsAt(cluster, 0).scan({ collection, where: { group }, ...range })
    await expect(asked).rejects.toMatchObject({ code: 'invalid-option', changed: 'nothing' })
  })
})
