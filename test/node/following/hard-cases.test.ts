/**
 * Hard cases of following: leases that end while timers are late or reads are slow, owners that have forgotten, and
 * views that end while they are at work. Method: one owner that always answers, and time that a test lets pass.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { defineCollection } from '../../../src/collections/define-collection.ts'
import { bounds } from '../../../src/core/bounds.ts'
import { partitionOf } from '../../../src/core/hash.ts'
import type { Partition } from '../../../src/core/ids.ts'
import { hybridAt } from '../../../src/core/versioning/hybrid-time.ts'
import { emptyRecord, join } from '../../../src/core/versioning/record.ts'
import type { Request } from '../../../src/core/wire/messages.ts'
import { type MemoryCluster, openCluster } from '../../../src/memory/open-cluster.ts'
import type { FollowStatus } from '../../../src/node/api/named-requests.ts'
import type { Coordinator } from '../../../src/node/coordination/coordinator.ts'
import { Following } from '../../../src/node/following/following.ts'
import type { Subject } from '../../../src/node/following/view.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { nodeName } from '../../members.ts'
import { epochMs, VirtualClock } from '../../simulation/virtual-clock.ts'
import { keyNamed } from '../replica-fixture.ts'
import { written } from '../written.ts'

const owner = nodeName(1)
const [one, other] = [1, 2] as [Partition, Partition]
const retentionMs = 60_000
const found = { entries: [], quorum: true, counted: new Set([owner]) }

/** A node that follows one owner of all partitions. `asks`: the times at which it asked for the partition `one`. */
function followed() {
  const clock = new VirtualClock()
  const asks: number[] = []
  const coordinator = {
    routing: { ownersOf: () => [owner] },
    isInReach: () => true,
    ask: async (_: unknown, request: Request) => {
      const partitions = request.type === 'follow' ? request.partitions : []
      if (partitions.includes(one)) asks.push(clock.now)
      return { type: 'following', whole: partitions }
    },
  } as unknown as Coordinator
  /** Tasks whose time came while this tab was frozen. */
  const held: (() => void)[] = []
  const tab = { isFrozen: false }
  const gate = (task: () => void) => void (tab.isFrozen ? held.push(task) : task())
  const following = new Following(clock.seenBy(gate, { skewMs: 0, alignMs: 0 }), coordinator, { ms: retentionMs })
  following.start(() => 0.5)
  const thaw = () => {
    tab.isFrozen = false
    for (const task of held.splice(0)) task()
  }
  return { clock, asks, following, tab, thaw }
}

/** Watches a partition. */
function watched(following: Following, partition: Partition, read: Subject['read']) {
  const statuses: FollowStatus[] = []
  let reads = 0
  const counted = (telling: number) => {
    reads += 1
    return read(telling)
  }
  const subject = { partition, r: 1, includes: () => true, read: counted }
  const stop = following.watch(subject, (_, status) => statuses.push(status))
  return { statuses, stop, reads: () => reads }
}

const soon = 2 * bounds.followAskMs

describe('a lease', () => {
  test('is renewed before it ends while another view reads for longer than it lasts', async () => {
    const { clock, asks, following } = followed()
    const view = watched(following, one, async () => found)
    await clock.run(soon)
    // The first read has too few answers, so the next renewal begins another, which never ends.
    const answers = [Promise.resolve({ ...found, quorum: false }), deferred<typeof found>().promise]
    const slow = watched(following, other, () => answers.shift() ?? Promise.reject(new Error('one read too many')))
    await clock.run(5 * bounds.followMs)
    const pauses = asks.slice(1).map((at, index) => at - (asks[index] as number))
    expect(Math.max(...pauses)).toBeLessThan(bounds.followMs)
    expect([view.statuses, view.reads(), slow.reads()]).toEqual([['live'], 1, 2])
    expect(clock.now - (asks.at(-1) as number)).toBeLessThan(bounds.followMs)
  })

  test('that ended before a late timer renewed it leaves a gap: the view reads again', async () => {
    const { clock, following, tab, thaw } = followed()
    const { statuses, reads } = watched(following, one, async () => found)
    await clock.run(soon)
    expect([statuses, reads()]).toEqual([['live'], 1])
    tab.isFrozen = true
    await clock.run(bounds.followMs + 1_000)
    thaw()
    await clock.run(soon)
    expect([statuses.at(-1), reads()]).toEqual(['live', 2])
  })
})

describe('a view', () => {
  test('that is stopped while it reads is shown nothing any more', async () => {
    const { clock, following } = followed()
    const reading = deferred<typeof found>()
    const { statuses, stop, reads } = watched(following, one, () => reading.promise)
    await clock.run(soon)
    stop()
    reading.resolve(found)
    await clock.run(soon)
    expect([statuses, reads()]).toEqual([[], 1])
  })
})

describe('an owner that drops an old value, and forgets its name at once,', () => {
  const key = keyNamed('a')
  const [old, kept] = [written(1), written(2)]
  const time = hybridAt(epochMs - 1_000)
  const young = { ...old, siblings: old.siblings.map((each) => ({ ...each, time })) }

  test.each([
    ['makes a view read again', old, [2], 2],
    ['is believed to lag behind if the value is young', young, [1, 2], 1],
  ])('%s', async (_, first, shown, count) => {
    const { clock, following } = followed()
    const answers = [join(first, kept), kept]
    let counters: readonly number[] = []
    let reads = 0
    const read = async () => {
      reads += 1
      return { ...found, entries: [{ key, record: answers.shift() ?? emptyRecord }] }
    }
    following.watch({ partition: partitionOf(key), r: 1, includes: () => true, read }, (changed) => {
      for (const { record } of changed) counters = record.siblings.map(({ dot }) => dot.counter)
    })
    await clock.run(soon)
    expect(counters).toEqual([1, 2])
    following.told([{ key, record: kept }], owner)
    await clock.run(soon)
    expect([counters, reads]).toEqual([shown, count])
  })
})

describe('a view of a node that is closed', () => {
  const Things = defineCollection('things')
  let cluster: MemoryCluster | undefined
  afterEach(() => cluster?.close())

  test('is not live any more', async () => {
    cluster = await openCluster({ nodes: 2 })
    const view = cluster.node(0).collection(Things).watch('a')
    view.subscribe(() => {})
    await expect.poll(() => view.current.status, { timeout: 15_000, interval: 10 }).toBe('live')
    await cluster.node(0).close()
    expect(view.current.status).not.toBe('live')
  })

  test('is ready, or says why not, though nothing was read', async () => {
    cluster = await openCluster({ nodes: 1 })
    const { ready } = cluster.node(0).collection(Things).watch('a')
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    ready.then(settle, settle)
    await cluster.node(0).close()
    await expect.poll(() => isSettled).toBe(true)
  })
})
