import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { inTimeSlices } from '../../../src/node/scheduling/time-slices.ts'
import type { Clock } from '../../../src/ports.ts'

/** A clock that work moves on, and its timers, which fire when they are told to. */
function stopwatch() {
  const due: (() => void)[] = []
  let now = 0
  const after = (_: number, task: () => void) => {
    due.push(task)
    return () => {}
  }
  const clock: Clock = { now: () => now, wall: () => now, after }
  const fire = async () => {
    for (const task of due.splice(0)) task()
    await Promise.resolve()
  }
  const work = (ms: number) => {
    now += ms
  }
  return { clock, due, fire, work }
}

test('long work in pieces lets the host do what is due as often as it has taken one task long', async () => {
  const { clock, due, fire, work } = stopwatch()
  const log: string[] = []
  function* pieces(): Generator<void, void> {
    for (let piece = 0; piece < 4; piece += 1) {
      work(bounds.taskMs / 2)
      log.push(`piece ${piece}`)
      yield
    }
  }
  due.push(() => log.push('something else'))
  const done = inTimeSlices(clock, pieces())
  expect(log).toEqual(['piece 0', 'piece 1'])
  await fire()
  expect(log).toEqual(['piece 0', 'piece 1', 'something else', 'piece 2', 'piece 3'])
  await fire()
  await done
})

test('short work is done in one task, however many its pieces', async () => {
  const { clock, due } = stopwatch()
  let pieces = 0
  function* count(): Generator<void, void> {
    for (; pieces < 1000; pieces += 1) yield
  }
  await inTimeSlices(clock, count())
  expect(pieces).toBe(1000)
  expect(due).toEqual([])
})
