/**
 * What a node tells of what it has received, and what it takes over of what others tell: the bookkeeping alone. Each of
 * these is a way in which a ring would drop what nobody else holds, and so rare that a simulated one hardly comes to
 * it.
 */
import { expect, test } from 'vitest'
import { nothingReceived, type Session } from '../../../src/core/acceptance/sessions.ts'
import type { HybridTime, NodeId, Partition } from '../../../src/core/ids.ts'
import { allPartitions } from '../../../src/core/partitioning/all-partitions.ts'
import type { Account } from '../../../src/core/wire/messages.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { Progress } from '../../../src/node/ownership/progress.ts'
import { Routing } from '../../../src/node/ownership/routing.ts'
import { claimOf, nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import { viewOf } from '../replica-fixture.ts'

const boot = { number: 4, tag: 'bbbbbbbb', boots: new Map([[4, 'bbbbbbbb']]) }
const [other, third] = [nodeName(2), nodeName(3)]
const at = (time: number) => time as HybridTime

/** Node 1 of three, which own everything, and a partition that it does not own in a ring of eight. */
function begun() {
  const three = [1, 2, 3].map((index) => claimOf(index))
  const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => claimOf(index))
  const routing = new Routing(nodeName(1), viewOf(three), 3)
  const beside = new Routing(nodeName(1), viewOf(eight), 3)
  const partition = allPartitions.find((each) => !beside.owns(each)) as Partition
  const clock = new VirtualClock().seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const progress = new Progress(memoryStore(), clock, routing, { ms: 1_000 }, { boot, saved: [] })
  const lose = () => routing.follow(viewOf(eight), eight)
  /** All that a peer had was received, in an exchange that began so long ago. */
  const receive = (from: NodeId, session: Session, horizon = at(0), since = progress.begin(null)) =>
    progress.received(from, [partition], since, accountOf(partition, session, horizon))
  const vectorOf = () => progress.accountOf([partition], progress.begin(null), () => true).kept[0]?.is.received
  return { progress, partition, lose, receive, vectorOf }
}

const elsewhere = (partition: Partition) => allPartitions.find((other) => other !== partition) as Partition

const session = (count: number): Session => ({ boot: 9, tag: 'cccccccc', count })
const accountOf = (partition: Partition, of: Session, horizon: HybridTime): Account => ({
  session: of,
  clock: at(0),
  kept: [{ is: { received: nothingReceived, horizon }, of: [partition] }],
})
const heardOf = (partition: Partition, of: Session) => ({ received: [{ is: of, of: [partition] }], floors: [] })

test('what an exchange tells is of when it began, whatever came from others meanwhile', () => {
  const { progress, partition, receive, vectorOf } = begun()
  expect(progress.stamp).toEqual({ boot: 4, count: 1 })
  const before = progress.begin(null)
  expect(progress.stamp.count).toBe(2)
  receive(other, session(7))
  const told = progress.accountOf([partition], before, () => true)
  expect(told.session).toEqual({ boot: 4, tag: 'bbbbbbbb', count: 2 })
  expect(told.kept[0]?.is.received.get(other)).toBeUndefined()
  expect(vectorOf()?.get(other)).toEqual(session(7))
})

test('a session that begins while word of a write has not come does not claim that write', async () => {
  const { progress, partition } = begun()
  const { stamp } = progress
  const since = progress.begin(stamp.count)
  expect(progress.isKnown(await progress.heard(heardOf(partition, since.session)), partition, stamp)).toBe(false)
  const next = progress.begin(null)
  expect(progress.isKnown(await progress.heard(heardOf(partition, next.session)), partition, stamp)).toBe(true)
})

test('what one peer has received says nothing of another one', async () => {
  const { progress, partition } = begun()
  const { stamp } = progress
  await progress.heard(heardOf(partition, progress.begin(null).session))
  const heard = await progress.heard({ received: [], floors: [] })
  expect(progress.isKnown(heard, partition, stamp)).toBe(false)
})

test('a lost row takes what was received away, and the horizon, and keeps up to when names may be missing', async () => {
  const { progress, partition, receive, vectorOf } = begun()
  receive(other, session(7), at(50))
  await progress.save()
  expect(progress.horizonOf(partition)).toBe(50)
  progress.lost(partition, 'lost')
  expect(vectorOf()?.size).toBe(0)
  expect(progress.horizonOf(partition)).toBe(0)
  expect(progress.floorOf(partition)).toBe(50)
})

test('an exchange in which a row was lost claims nothing, at either end', () => {
  const { progress, partition, receive, vectorOf } = begun()
  const since = progress.begin(null)
  progress.lost(partition, 'lost')
  expect(receive(other, session(7), at(50), since)).toEqual([])
  expect(vectorOf()?.size).toBe(0)
  expect(progress.accountOf([partition], since, () => true).kept).toEqual([])
})

test('rows of one partition that are lost or dropped take away no claim about another one', async () => {
  const { progress, partition, receive } = begun()
  receive(other, session(7))
  const since = progress.begin(null)
  const claims = () => ({
    isLost: progress.hasLost(since, partition),
    inTerms: progress.termsFor(other, [partition], since).received.flatMap(({ of }) => of),
    inAccount: progress.accountOf([partition], since, () => true).kept.flatMap(({ of }) => of),
    adopted: receive(third, session(7), at(50), since),
  })
  progress.lost(elsewhere(partition), 'dropped')
  const all = [partition]
  expect(claims()).toEqual({ isLost: false, inTerms: all, inAccount: all, adopted: all })
  progress.lost(partition, 'lost')
  expect(claims()).toEqual({ isLost: true, inTerms: [], inAccount: [], adopted: [] })
})

test('what an owner has received ends with its ownership, and up to when names may be missing with the rows', async () => {
  const { progress, partition, lose, receive, vectorOf } = begun()
  receive(other, session(7), at(50))
  await progress.save()
  lose()
  progress.follow()
  expect(vectorOf()?.size).toBe(0)
  expect(progress.horizonOf(partition)).toBe(0)
  expect(progress.floorOf(partition)).toBe(50)
  progress.lost(partition, 'dropped')
  expect(vectorOf()?.size).toBe(0)
  expect(progress.floorOf(partition)).toBe(0)
})

test('what a peer tells of a partition that is not owned here is not taken over', () => {
  const { lose, receive, vectorOf } = begun()
  lose()
  expect(receive(other, session(7))).toEqual([])
  expect(vectorOf()?.size).toBe(0)
})

test('up to when a peer may have pruned names is kept before anything of it comes, but does not concern what was here', async () => {
  const { progress, partition } = begun()
  const since = progress.begin(null)
  await progress.heard({ received: [], floors: [{ is: at(50), of: [partition] }] })
  expect(progress.floorOf(partition)).toBe(50)
  expect(progress.floorOf(partition, since)).toBe(0)
})

test('an owner that is not in sync tells no horizon', async () => {
  const { progress, partition, receive } = begun()
  receive(other, session(7), at(50))
  await progress.save()
  const since = progress.begin(null)
  const told = (isInSync: boolean) => progress.accountOf([partition], since, () => isInSync).kept[0]?.is.horizon
  expect([told(true), told(false)]).toEqual([50, 0])
})

test('a write since an exchange began is not taken for given in it', () => {
  const { progress, partition } = begun()
  progress.changed(partition)
  const since = progress.begin(null)
  progress.gave(other, [partition], since)
  expect([progress.hasAll(other, partition), progress.hasAll(third, partition)]).toEqual([true, false])
  progress.changed(partition)
  expect(progress.hasAll(other, partition)).toBe(false)
})
