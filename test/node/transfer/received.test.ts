/**
 * What a giver says of its records, and what becomes of them at the other end: an owner that had received some values
 * of a record takes in only the others.
 */
import { expect, test } from 'vitest'
import { keyHashOf } from '../../../src/core/hash.ts'
import { hybridZero } from '../../../src/core/versioning/hybrid-time.ts'
import { join } from '../../../src/core/versioning/record.ts'
import type { Coming } from '../../../src/node/storage/replica-port.ts'
import { answerFetch, takeIn } from '../../../src/node/transfer/batches.ts'
import { Throttle } from '../../../src/node/transfer/throttle.ts'
import { systemClock } from '../../../src/system-clock.ts'
import { keyNamed, replicaFixture } from '../replica-fixture.ts'
import { written } from '../written.ts'

const coming: Coming = {
  origin: 'exchanged',
  floorOf: () => hybridZero,
  giverFloorOf: () => hybridZero,
  isKept: () => true,
}

test('what was received is told value by value, and only the others are taken in', async () => {
  const [giver, owner] = [replicaFixture(3), replicaFixture(3)]
  const throttle = new Throttle(systemClock)
  const keys = ['a', 'b', 'c'].map(keyNamed)
  const hashes = new Uint8Array(keys.flatMap((key) => [...keyHashOf(key)]))
  // In the first session each key gets its first value. In the second the last two get another one.
  for (const [session, due] of [keys, keys.slice(1)].entries()) {
    giver.session.count = session + 1
    const entries = due.map((key) => ({ key, record: written(session + 1), hintFor: [] }))
    await giver.replica.take(entries, 'relaxed')
  }
  // The owner had received the first session, and had overwritten and forgotten what came of it.
  const isKnown = (
    { stamps }: { readonly stamps: ReadonlyMap<string, { readonly count: number }> },
    { counter }: { readonly counter: number },
  ) => [...stamps].some(([name, { count }]) => name.endsWith(`:${counter}`) && count < 2)
  const reply = await answerFetch(giver.replica, hashes, throttle, isKnown)
  if (reply.type !== 'records') throw new Error('it answers with records')
  expect(reply.received).toEqual([0, 1, 3])
  const { overwritten } = await takeIn(
    owner.replica,
    reply.entries,
    reply.received,
    'relaxed',
    throttle,
    coming,
    () => 'another',
  )
  const held = await Promise.all(keys.map(async (key) => (await owner.replica.read(key)).record.siblings))
  expect(held).toEqual([[], written(2).siblings, written(2).siblings])
  // The giver drops the same values.
  await takeIn(giver.replica, overwritten, [], 'relaxed', throttle, coming, () => 'this node')
  const left = await Promise.all(keys.map(async (key) => (await giver.replica.read(key)).record))
  expect(left.map(({ siblings }) => siblings)).toEqual(held)
  expect(left.at(-1)).toEqual({ ...join(written(1), written(2)), siblings: written(2).siblings })
})
