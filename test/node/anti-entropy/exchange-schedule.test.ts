/**
 * What a node does with one peer, and in which order, where parts of it fail. The exchanges themselves are pretended.
 */
import { expect, test } from 'vitest'
import type { Partition } from '../../../src/core/ids.ts'
import { ExchangeSchedule, type ScheduleParts } from '../../../src/node/anti-entropy/exchange-schedule.ts'
import { nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

const [self, peer] = [nodeName(1), nodeName(2)]
const [fetched, left, shared] = [1, 2, 3] as unknown as [Partition, Partition, Partition]

/** A node that has something to fetch from its peer, holds something the peer owns, and shares something with it. */
function meeting(fails: (way: string) => boolean = () => false) {
  const clock = new VirtualClock()
  const seen = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const done: string[] = []
  const exchange = {
    run: async (_: unknown, partitions: readonly Partition[], __: unknown, way: string) => {
      done.push(`${way} ${partitions.join(' ')}`)
      if (fails(way)) throw new Error('no room')
    },
    dropSettled: async () => void done.push('drop'),
  }
  const routing = {
    self,
    others: [peer],
    takesIn: () => false,
    ownedBy: () => [left, shared],
    owns: (partition: Partition) => partition !== left,
    sharedPartitions: () => [shared],
  }
  const parts = {
    clock: seen,
    chance: () => 0.5,
    peers: { isReachable: () => true },
    routing,
    membership: { agrees: async () => true, placesAlike: () => true },
    ownership: { fetchingFrom: () => [fetched], isRetained: () => true },
    replica: { holds: () => true },
    exchange,
  }
  new ExchangeSchedule(parts as unknown as ScheduleParts).soon(peer)
  return { done, over: () => clock.run(1_000) }
}

test('a new owner fetches first, then compares what both own and gives what it owns no more, and drops that last', async () => {
  const { done, over } = meeting()
  await over()
  expect(done).toEqual(['catching up 1', 'handing on 2 3', 'drop'])
})

test('partitions of others are dropped although something could not be fetched: that may make room for it', async () => {
  const { done, over } = meeting((way) => way === 'catching up')
  await over()
  expect(done).toEqual(['catching up 1', 'drop'])
})
