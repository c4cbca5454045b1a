/**
 * The times of new writes: later than all that their writers saw, whatever the clock says.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { HybridTime } from '../../../src/core/ids.ts'
import { blindContext } from '../../../src/core/versioning/context.ts'
import { hybridAt, wallOf } from '../../../src/core/versioning/hybrid-time.ts'
import { seededRandom } from '../../../src/memory/seeded-random.ts'
import { DotMint, mintActor } from '../../../src/node/coordination/dot-mint.ts'
import { WriteStamp } from '../../../src/node/coordination/write-stamp.ts'
import { HybridClock } from '../../../src/node/scheduling/hybrid-clock.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import { keyNamed } from '../replica-fixture.ts'

const key = keyNamed('key')

function authorOn(state: { skewMs: number }) {
  const random = seededRandom(1)
  const clock = new VirtualClock().seenBy((task) => task(), { ...state, alignMs: 0 })
  const hybrid = new HybridClock(clock)
  return { clock, hybrid, writeStamp: new WriteStamp(clock, hybrid, new DotMint(random, mintActor(random), 1_000)) }
}

test('a write is later than all its writer saw, also where another clock was far ahead of this one', () => {
  const { clock, writeStamp } = authorOn({ skewMs: 0 })
  const time = hybridAt(clock.wall() + 2 * bounds.hybridTimeAheadMs)
  expect(writeStamp.sign(key, { ...blindContext, time }).time).toBeGreaterThan(time)
  // Such a clock moves this one for that write alone.
  expect(wallOf(writeStamp.sign(key, blindContext).time)).toBe(Math.floor(clock.wall()))
})

test('a write is later than the last one of its node, and than what came by', () => {
  const { clock, hybrid, writeStamp } = authorOn({ skewMs: 0 })
  const first = writeStamp.sign(key, blindContext).time
  const second = writeStamp.sign(key, blindContext).time
  expect(second).toBeGreaterThan(first)
  hybrid.observe((hybridAt(clock.wall()) + 5_000) as HybridTime)
  expect(writeStamp.sign(key, blindContext).time).toBeGreaterThan(hybridAt(clock.wall()) + 5_000)
})
