/**
 * Tries that outlive their tab: a start reads them and what has changed since, and no record.
 */
import { describe, expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import type { Partition, StoredKey } from '../../../src/core/ids.ts'
import { versionOf } from '../../../src/core/wire/record-codec.ts'
import { MemoryDisk, memoryStore } from '../../../src/memory/memory-store.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { MerkleIndex } from '../../../src/node/storage/merkle-index.ts'
import { encodeKeyedRecord, metaRow, recordRowAt, stampsOf, treeRow } from '../../../src/node/storage/rows.ts'
import { rowName, type Store, StoreFailure, type Table } from '../../../src/ports.ts'
import { allPartitions } from '../../core/merkle/sets.ts'
import { written } from '../written.ts'

const stamp = { boot: 1, count: 1 }
const keyNamed = (index: number) => `=\u0000key ${index}` as StoredKey

/** Something that befalls a transaction: it may not take place, or word of it may be late or wrong. */
type Fate = <T>(take: () => Promise<T>) => Promise<T>

/** An merkleIndex on a disk, and the tables it has scanned. The next transactions meet the `fates`. */
function inventoryOn(disk: MemoryDisk, fates: Fate[] = []) {
  const scanned: Table[] = []
  const inner = memoryStore(disk)
  const store: Store = {
    ...inner,
    transact: (...transaction) => {
      const take = () => inner.transact(...transaction)
      return fates.shift()?.(take) ?? take()
    },
    scan: (range) => {
      scanned.push(range.table)
      return inner.scan(range)
    },
  }
  return {
    merkleIndex: new MerkleIndex(
      store,
      { keysPerTarget: 100, bytes: 10_000 },
      { changed: () => {}, stamp },
      { lost: () => [{ key: metaRow('lost'), value: null }] },
      { corrupt: () => {}, written: () => {}, checkpointed: () => {} },
    ),
    scanned,
  }
}

/** Writes a record as a replica does: with a word in the journal. */
async function put(merkleIndex: MerkleIndex, index: number, value: number): Promise<void> {
  const key = keyNamed(index)
  const [hash, record] = [keyHashOf(key), written(value)]
  const version = versionOf(record)
  const writes = [
    { key: recordRowAt(hash), value: encodeKeyedRecord({ key, version, record, stamps: stampsOf(record, stamp) }) },
  ]
  const decide = () => ({ writes, changes: [{ hash, version }], result: null })
  await merkleIndex.change([{ hash, key }], [], 'relaxed', decide, () => {})
}

const proofOf = async (merkleIndex: MerkleIndex) => (await merkleIndex.forest()).view(allPartitions).proof()

describe('an merkleIndex that is opened again', () => {
  test('knows every trie without reading a record, stored before the tries were or after', async () => {
    const disk = new MemoryDisk()
    const { merkleIndex } = inventoryOn(disk)
    for (let index = 0; index < 100; index += 1) await put(merkleIndex, index, 1)
    await merkleIndex.checkpoint(1)
    for (let index = 90; index < 120; index += 1) await put(merkleIndex, index, 2)
    const again = inventoryOn(disk)
    expect(await proofOf(again.merkleIndex)).toEqual(await proofOf(merkleIndex))
    expect(again.merkleIndex.recordCount).toBe(120)
    expect(again.scanned).not.toContain('record')
    expect([...disk.values()].filter(({ key }) => key[0] === 'journal')).toHaveLength(30)
  })

  test('reads the records of a trie that was altered on disk', async () => {
    const disk = new MemoryDisk()
    const { merkleIndex } = inventoryOn(disk)
    for (let index = 0; index < 60; index += 1) await put(merkleIndex, index, 1)
    await merkleIndex.checkpoint(1)
    const row = treeRow(partitionOf(keyNamed(7)))
    disk.set(rowName(row), { key: row, value: Uint8Array.of(1, 2, 3) })
    const again = inventoryOn(disk)
    expect(await proofOf(again.merkleIndex)).toEqual(await proofOf(merkleIndex))
    expect(again.scanned).toContain('record')
  })

  test('counts what was written while tries were being stored, some at a time', async () => {
    const disk = new MemoryDisk()
    const { merkleIndex } = inventoryOn(disk)
    for (let index = 0; index < 400; index += 1) await put(merkleIndex, index, 1)
    const storing = merkleIndex.checkpoint(1)
    for (let index = 0; index < 400; index += 7) await put(merkleIndex, index, 2)
    await storing
    const { merkleIndex: again } = inventoryOn(disk)
    expect(await proofOf(again)).toEqual(await proofOf(merkleIndex))
    await again.checkpoint(1)
    expect(await proofOf(inventoryOn(disk).merkleIndex)).toEqual(await proofOf(merkleIndex))
  })

  test('counts what a crash left behind a stored trie', async () => {
    const disk = new MemoryDisk()
    const { merkleIndex } = inventoryOn(disk)
    await put(merkleIndex, 1, 1)
    await merkleIndex.checkpoint(1)
    await put(merkleIndex, 1, 2)
    const before = await proofOf(merkleIndex)
    const { merkleIndex: again } = inventoryOn(disk)
    await again.checkpoint(1)
    expect(await proofOf(again)).toEqual(before)
    expect(await again.scrub(partitionOf(keyNamed(1)) as Partition, () => {})).toBe(0)
  })
})

describe('a transaction whose end is not known', () => {
  const partition = partitionOf(keyNamed(1)) as Partition
  /** An merkleIndex with one record, loaded. */
  async function doubtful() {
    const disk = new MemoryDisk()
    const fates: Fate[] = []
    const { merkleIndex } = inventoryOn(disk, fates)
    await merkleIndex.forest()
    await put(merkleIndex, 1, 1)
    return { disk, merkleIndex, fates }
  }
  const lost = new StoreFailure('failed', 'no word of it')
  const takesPlaceUnheard: Fate = async (take) => {
    await take()
    throw lost
  }

  test('is no drift to a scrub that passes before word of it has come', async () => {
    const { merkleIndex, fates } = await doubtful()
    const word = deferred<void>()
    fates.push(async (take) => {
      const result = await take()
      await word.promise
      return result
    })
    const writing = put(merkleIndex, 1, 2)
    expect(await merkleIndex.scrub(partition, () => {})).toBe(0)
    word.resolve()
    await writing
    expect(await merkleIndex.scrub(partition, () => {})).toBe(0)
  })

  test('has every key in doubt that it changed, also those nobody had named before', async () => {
    const { merkleIndex, fates } = await doubtful()
    fates.push(takesPlaceUnheard)
    const hash = keyHashOf(keyNamed(1))
    const writes = [{ key: recordRowAt(hash), value: null }]
    const drop = () => ({ writes, changes: [{ hash, version: null }], result: null })
    await expect(merkleIndex.change([], [], 'relaxed', drop, () => {})).rejects.toBe(lost)
    expect((await merkleIndex.forest()).version(hash)).toBeNull()
  })

  test('has in doubt what it changed before it was decided again, and found that it had taken place', async () => {
    const { merkleIndex, fates } = await doubtful()
    fates.push(async (take) => {
      await take()
      return take()
    })
    const hash = keyHashOf(keyNamed(1))
    const drop = ([row]: readonly (Uint8Array | undefined)[]) =>
      row === undefined
        ? { writes: [], changes: [], result: 'gone' }
        : { writes: [{ key: recordRowAt(hash), value: null }], changes: [{ hash, version: null }], result: 'dropped' }
    expect(await merkleIndex.change([], [recordRowAt(hash)], 'relaxed', drop, () => {})).toBe('gone')
    expect((await merkleIndex.forest()).version(hash)).toBeNull()
  })

  test('keeps its word in the journal until what is stored has been looked up', async () => {
    const { disk, merkleIndex, fates } = await doubtful()
    fates.push(takesPlaceUnheard)
    await expect(put(merkleIndex, 1, 2)).rejects.toBe(lost)
    const end = deferred<never>()
    fates.push(() => end.promise)
    const looking = merkleIndex.forest()
    await merkleIndex.checkpoint(1)
    end.reject(lost)
    await expect(looking).rejects.toBe(lost)
    const { merkleIndex: again } = inventoryOn(disk)
    expect((await again.forest()).version(keyHashOf(keyNamed(1)))).toEqual(versionOf(written(2)))
  })
})
