/**
 * Nodes that nobody could pass a request on to: spared for a while, and then forgotten.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { Unrelayed } from '../../../src/node/network/unrelayed.ts'
import { nodeName } from '../../members.ts'

function failing() {
  const clock = { at: 0, now: () => clock.at }
  return { clock, unrelayed: new Unrelayed(clock) }
}
const [first, second] = [nodeName(1), nodeName(2)]

test('a node that could not be reached is spared until it is tried again, or has a channel', () => {
  const { clock, unrelayed } = failing()
  for (const node of [first, second]) unrelayed.add(node)
  unrelayed.delete(second)
  expect([unrelayed.has(first), unrelayed.has(second)]).toEqual([true, false])
  clock.at = bounds.relayRetryMs - 1
  expect(unrelayed.has(first)).toBe(true)
  unrelayed.add(first)
  clock.at += 1
  expect(unrelayed.has(first)).toBe(true)
  clock.at = 2 * bounds.relayRetryMs
  expect(unrelayed.has(first)).toBe(false)
})

test('of a thousand visitors who could not be reached, only the last ones are remembered', () => {
  const { clock, unrelayed } = failing()
  for (let visitor = 1; visitor <= 1_000; visitor += 1) {
    clock.at += bounds.relayRetryMs / 10
    unrelayed.add(nodeName(visitor))
  }
  expect(unrelayed.size).toBe(10)
})
