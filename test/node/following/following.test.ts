/**
 * When a view is live: r owners tell it of changes, and it has read what they had.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { NodeId, Partition } from '../../../src/core/ids.ts'
import type { Request } from '../../../src/core/wire/messages.ts'
import type { FollowStatus } from '../../../src/node/api/named-requests.ts'
import type { Coordinator } from '../../../src/node/coordination/coordinator.ts'
import { Following } from '../../../src/node/following/following.ts'
import { nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

const partition = 7 as Partition
const [a, b, c, d] = [1, 2, 3, 4].map((index) => nodeName(index)) as [NodeId, NodeId, NodeId, NodeId]

/** A node whose view is of one partition. `ring`: its owners, those in reach, and those that are in sync. */
function watching() {
  const clock = new VirtualClock()
  const ring = { owners: [a, b, c], reach: new Set([a, b, c, d]), whole: new Set([a, b, c, d]), quorum: true }
  const asked: NodeId[] = []
  const coordinator = {
    routing: { ownersOf: () => ring.owners },
    isInReach: (node: NodeId) => ring.reach.has(node),
    ask: async (node: NodeId, request: Request) => {
      asked.push(node)
      if (!ring.reach.has(node) || request.type !== 'follow') throw new Error('silent')
      return { type: 'following', whole: ring.whole.has(node) ? request.partitions : [] }
    },
  } as unknown as Coordinator
  const following = new Following(
    clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 }),
    coordinator,
    { ms: 86_400_000 },
  )
  const statuses: FollowStatus[] = []
  let reads = 0
  const read = async () => {
    reads += 1
    return { entries: [], quorum: ring.quorum, counted: new Set(ring.owners) }
  }
  const stop = following.watch({ partition, r: 2, includes: () => true, read }, (_, status) => statuses.push(status))
  following.start(() => 0.5)
  return { clock, ring, asked, following, statuses, stop, reads: () => reads }
}

const soon = 2 * bounds.followAskMs

test('it is live once r owners tell it of changes and it has read, and asks each owner', async () => {
  const { clock, statuses, asked, reads } = watching()
  await clock.run(soon)
  expect([statuses, asked, reads()]).toEqual([['live'], [a, b, c], 1])
  await clock.run(10 * bounds.followRenewMs)
  expect([statuses, reads()]).toEqual([['live'], 1])
})

test('it is partial while fewer than r owners are in sync, or a read of too few has answered, and reads again', async () => {
  const { clock, ring, statuses, reads } = watching()
  ring.whole = new Set([a])
  await clock.run(soon)
  expect(statuses).toEqual(['partial'])
  ring.whole = new Set([a, b])
  ring.quorum = false
  await clock.run(bounds.followRenewMs * 1.5)
  expect([statuses, reads()]).toEqual([['partial'], 2])
  ring.quorum = true
  await clock.run(bounds.followRenewMs * 1.5)
  expect(statuses).toEqual(['partial', 'live'])
})

test('it is partial as soon as owners are out of reach, and live again after it has read what it missed', async () => {
  const { clock, ring, following, statuses, reads } = watching()
  await clock.run(soon)
  ring.reach = new Set([a])
  following.changed()
  expect(statuses.at(-1)).toBe('partial')
  await clock.run(soon)
  ring.reach = new Set([a, b, c])
  const before = reads()
  following.changed()
  expect(statuses.at(-1)).toBe('partial')
  await clock.run(soon)
  expect([statuses.at(-1), reads() > before]).toEqual(['live', true])
})

test('owners that were met anew tell it nothing until they are asked again', async () => {
  const { clock, following, statuses, asked } = watching()
  await clock.run(soon)
  for (const owner of [a, b]) following.changed(owner)
  expect(statuses.at(-1)).toBe('partial')
  await clock.run(soon)
  expect([statuses.at(-1), asked.length]).toEqual(['live', 6])
})

test('new owners are asked, and what they have is read', async () => {
  const { clock, ring, following, asked, reads, statuses } = watching()
  await clock.run(soon)
  ring.owners = [b, c, d]
  following.changed()
  await clock.run(soon)
  expect([asked.slice(3), reads(), statuses.at(-1)]).toEqual([[b, c, d], 2, 'live'])
})

test('it asks nothing any more once no one looks', async () => {
  const { clock, asked, stop, following } = watching()
  await clock.run(soon)
  stop()
  stop()
  await clock.run(10 * bounds.followRenewMs)
  expect([asked.length, following.count]).toEqual([3, 0])
})
