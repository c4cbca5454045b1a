/**
 * What a view shows, by what it is told and what it reads.
 */
import { expect, test } from 'vitest'
import type { NodeId, Partition, StoredKey } from '../../../src/core/ids.ts'
import { emptyRecord, join, type Record } from '../../../src/core/versioning/record.ts'
import type { KeyedRecord } from '../../../src/core/wire/messages.ts'
import { type Subject, View } from '../../../src/node/following/view.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { keyNamed } from '../replica-fixture.ts'
import { written } from '../written.ts'

const key = keyNamed('a')
const nobody: ReadonlySet<NodeId> = new Set()

/** A view that reads what a test says. `shown`: the counters of the writes it shows of each key. */
function viewed() {
  const reads: ReturnType<typeof deferred<Awaited<ReturnType<Subject['read']>>>>[] = []
  const shown = new Map<StoredKey, readonly number[]>()
  const calls: number[] = []
  const read = () => {
    const next = deferred<Awaited<ReturnType<Subject['read']>>>()
    reads.push(next)
    return next.promise
  }
  const view = new View({ partition: 0 as Partition, r: 2, includes: () => true, read }, (changed) => {
    calls.push(changed.length)
    for (const { key: each, record } of changed)
      shown.set(
        each,
        record.siblings.map(({ dot }) => dot.counter),
      )
  })
  return { view, reads, shown, calls }
}

const entry = (record: Record, of = key): KeyedRecord => ({ key: of, record })

test('it shows what it is told beside what it read, and says nothing of what it shows already', async () => {
  const { view, reads, shown, calls } = viewed()
  const reading = view.read(nobody, () => 'live')
  reads[0]?.resolve({ entries: [entry(written(1))], quorum: true, counted: nobody })
  await reading
  view.told([entry(written(2))], 'live')
  expect(shown.get(key)).toEqual([1, 2])
  view.told([entry(written(1))], 'live')
  expect(calls).toEqual([1, 1])
})

test('it keeps what it is told while it reads, though the read had begun before', async () => {
  const { view, reads, shown } = viewed()
  const reading = view.read(nobody, () => 'live')
  view.told([entry(written(2))], 'loading')
  reads[0]?.resolve({ entries: [entry(written(1))], quorum: true, counted: nobody })
  await reading
  expect(shown.get(key)).toEqual([1, 2])
})

test('it shows no key any more that a complete read does not find, and keeps it after a read of too few', async () => {
  const { view, reads, shown } = viewed()
  for (const [entries, quorum, expected] of [
    [[entry(written(1))], true, [1]],
    [[], false, [1]],
    [[], true, []],
  ] as const) {
    const reading = view.read(nobody, () => 'live')
    reads.at(-1)?.resolve({ entries, quorum, counted: nobody })
    await reading
    expect(shown.get(key)).toEqual(expected)
  }
})

test('it shows no state again whose names an owner has forgotten, once it has read all', async () => {
  const { view, reads, shown } = viewed()
  const first = view.read(nobody, () => 'live')
  reads[0]?.resolve({ entries: [entry(written(1))], quorum: true, counted: nobody })
  await first
  const second = view.read(nobody, () => 'live')
  reads[1]?.resolve({ entries: [entry(join(emptyRecord, written(2)))], quorum: true, counted: nobody })
  await second
  expect(shown.get(key)).toEqual([2])
})

test('a read that fails changes nothing, and another may follow', async () => {
  const { view, reads, shown } = viewed()
  const failing = view.read(nobody, () => 'loading')
  reads[0]?.reject(new Error('nothing in reach'))
  await failing
  expect(view.isRead).toBe(false)
  const reading = view.read(nobody, () => 'live')
  reads[1]?.resolve({ entries: [entry(written(1))], quorum: true, counted: nobody })
  await reading
  expect(shown.get(key)).toEqual([1])
})
