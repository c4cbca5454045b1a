/**
 * Work for one node, one at a time. Method: each work says that it began, and ends when the test says so.
 */
import { expect, test } from 'vitest'
import { SingleFlight } from '../../../src/node/scheduling/single-flight.ts'
import { type Deferred, deferred } from '../../../src/node/scheduling/timers.ts'
import { nodeName } from '../../members.ts'

const [one, other] = [nodeName(1), nodeName(2)]

function flights() {
  const begun: string[] = []
  const ends = new Map<string, Deferred<string>>()
  const work = (name: string) => () => {
    begun.push(name)
    const end = deferred<string>()
    ends.set(name, end)
    return end.promise
  }
  const end = async (name: string, how: 'well' | 'badly' = 'well') => {
    if (how === 'well') ends.get(name)?.resolve(name)
    else ends.get(name)?.reject(new Error(name))
    await new Promise((resolve) => setTimeout(resolve))
  }
  return { flights: new SingleFlight<string>(), begun, work, end }
}

test('who asks while work runs joins it, and starts work anew after it', async () => {
  const { flights: single, begun, work, end } = flights()
  const [first, second] = [single.run(one, work('a')), single.run(one, work('b'))]
  await end('a')
  expect([await first, await second]).toEqual(['a', 'a'])
  const third = single.run(one, work('c'))
  await end('c')
  expect(await third).toBe('c')
  expect(begun).toEqual(['a', 'c'])
})

test('queued work begins in turn, after work that failed, too, and beside that of other nodes', async () => {
  const { flights: single, begun, work, end } = flights()
  const first = single.queue(one, work('a'))
  const second = single.queue(one, work('b'))
  const third = single.queue(one, work('c'))
  const beside = single.queue(other, work('d'))
  expect(begun).toEqual(['a', 'd'])
  const failed = expect(first).rejects.toThrow('a')
  await end('a', 'badly')
  await failed
  expect(begun).toEqual(['a', 'd', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'd', 'b', 'c'])
  for (const name of ['c', 'd']) await end(name)
  expect([await second, await third, await beside]).toEqual(['b', 'c', 'd'])
})
