import { expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { BackOff } from '../../../src/node/scheduling/back-off.ts'
import { nodeName } from '../../members.ts'

const [one, other] = [nodeName(1), nodeName(2)]

function backOff(chance: () => number = () => 0.5) {
  const clock = { ms: 0, now: () => clock.ms }
  return { clock, backOff: new BackOff<'exchange' | 'hints'>(clock, chance, { firstMs: 1_000, lastMs: 8_000 }) }
}

test('each failure doubles the pause up to the last, and a success begins anew', () => {
  const { backOff: tried } = backOff()
  const pauses = () => Array.from({ length: 5 }, () => tried.failed(one, 'hints'))
  expect(pauses()).toEqual([1_000, 2_000, 4_000, 8_000, 8_000])
  tried.reset(one, 'hints')
  expect(pauses()).toEqual([1_000, 2_000, 4_000, 8_000, 8_000])
})

test('peers and reasons are counted apart, and a peer waits for the longest of its reasons', () => {
  const { clock, backOff: tried } = backOff()
  tried.failed(one, 'exchange')
  tried.failed(one, 'exchange')
  expect([tried.failed(one, 'hints'), tried.failed(other, 'hints')]).toEqual([1_000, 1_000])
  clock.ms = 1_500
  expect([tried.waits(one), tried.waits(other)]).toEqual([true, false])
  tried.reset(one, 'exchange')
  expect([tried.waits(one), tried.hasFailed(one, 'hints'), tried.hasFailed(one, 'exchange')]).toEqual([
    false,
    true,
    false,
  ])
})

test('a pause varies by a quarter either way', () => {
  const pausesFor = (chance: number) => backOff(() => chance).backOff.failed(one, 'hints')
  expect([pausesFor(0), pausesFor(1)]).toEqual([750, 1_250])
})

test('word of a peer lets everything be tried at once, and who is no peer any more is forgotten', () => {
  const { backOff: tried } = backOff()
  const fail = (node: NodeId) => tried.failed(node, 'exchange')
  fail(one)
  fail(other)
  tried.reset(one)
  expect([tried.waits(one), tried.waits(other)]).toEqual([false, true])
  fail(one)
  tried.keep((node) => node === one)
  expect([tried.waits(one), tried.hasFailed(other, 'exchange')]).toEqual([true, false])
  tried.resetAll()
  expect(tried.waits(one)).toBe(false)
})
