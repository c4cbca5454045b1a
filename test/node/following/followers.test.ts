/**
 * What followers are told, and how often.
 */
import { expect, test, vi } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { partitionOf } from '../../../src/core/hash.ts'
import type { Reply, Request } from '../../../src/core/wire/messages.ts'
import { Followers } from '../../../src/node/following/followers.ts'
import type { Peers } from '../../../src/node/network/peers.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import { keyThat, replicaFixture } from '../replica-fixture.ts'
import { written } from '../written.ts'

const [self, follower] = [nodeName(1), nodeName(2)]

/** An owner with one follower, which answers as a test says. */
async function followed() {
  const { replica, routing } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  const clock = new VirtualClock()
  const told: number[][] = []
  const answers: (() => Promise<Reply>)[] = []
  const request = vi.fn(async (_: unknown, body: Request): Promise<Reply> => {
    if (body.type === 'changed') told.push(body.entries.map(({ record }) => record.siblings.length))
    return answers.shift()?.() ?? { type: 'heard' }
  })
  const followers = new Followers(
    self,
    clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 }),
    { request } as unknown as Peers,
    replica,
  )
  replica.on.taken = (keys) => followers.changed(keys)
  const put = (counter: number) => replica.take([{ key, record: written(counter), hintFor: [] }], 'relaxed')
  followers.follow(follower, [partitionOf(key)])
  return { followers, clock, told, answers, put, key }
}

test('a follower is told of each change, and of none after its lease', async () => {
  const { clock, told, put } = await followed()
  await put(1)
  await clock.run(1)
  await put(2)
  await clock.run(bounds.followMs)
  expect(told).toEqual([[1], [2]])
  await clock.run(1)
  await put(3)
  await clock.run(bounds.followMs)
  expect(told.length).toBe(2)
})

test('a slow follower skips states, and never the last', async () => {
  const { clock, told, answers, put } = await followed()
  const slow = deferred<Reply>()
  answers.push(() => slow.promise)
  for (const counter of [1, 2, 3, 4]) await put(counter)
  await clock.run(1)
  slow.resolve({ type: 'heard' })
  await clock.run(1)
  expect(told.length).toBe(2)
  expect(told.at(-1)).toEqual([4])
})

test('a follower that was told in vain is told again after a pause', async () => {
  const { clock, told, answers, put } = await followed()
  answers.push(() => Promise.reject(new Error('silent')))
  await put(1)
  await clock.run(bounds.followRetryMs - 1)
  expect(told.length).toBe(1)
  await clock.run(2)
  expect(told).toEqual([[1], [1]])
})
