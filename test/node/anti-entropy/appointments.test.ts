import { expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { Appointments } from '../../../src/node/anti-entropy/appointments.ts'
import { type Deferred, deferred } from '../../../src/node/scheduling/timers.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

const [one, other] = ['a'.repeat(32) as NodeId, 'b'.repeat(32) as NodeId]

/**
 * Meetings that end when the test says so, and what was heard, in order. `again`: after how long those that come first
 * are held again, ms.
 */
function diary(...again: readonly number[]) {
  const clock = new VirtualClock()
  const heard: string[] = []
  const meetings: Deferred<void>[] = []
  const appointments = new Appointments(
    clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 }),
    async (node) => {
      heard.push(`met ${node[0]}`)
      const meeting = deferred<void>()
      meetings.push(meeting)
      const againMs = again[meetings.length - 1] ?? null
      await meeting.promise
      return againMs
    },
  )
  return { clock, heard, meetings, appointments }
}

test('a burst of reasons to meet a node makes one meeting', async () => {
  const { clock, heard, meetings, appointments } = diary()
  appointments.soon(one, 50)
  await clock.run(40)
  appointments.soon(one, 50)
  appointments.soon(other, 50)
  await clock.run(20)
  expect(heard).toEqual(['met a'])
  meetings[0]?.resolve()
  await clock.run(100)
  expect(heard).toEqual(['met a', 'met b'])
})

test('a meeting is held at the earliest time that anybody has asked for, and once', async () => {
  const { clock, heard, meetings, appointments } = diary()
  appointments.soon(one, 5_000)
  await clock.run(1_000)
  appointments.soon(one, 50)
  await clock.run(60)
  expect(heard).toEqual(['met a'])
  meetings[0]?.resolve()
  await clock.run(10_000)
  expect(heard).toEqual(['met a'])
})

test('what becomes due while a meeting goes on makes one more after it, never one beside it', async () => {
  const { clock, heard, meetings, appointments } = diary()
  appointments.soon(one, 50)
  await clock.run(60)
  for (let reason = 0; reason < 2; reason += 1) {
    appointments.soon(one, 50)
    await clock.run(60)
  }
  expect(heard).toEqual(['met a'])
  meetings[0]?.resolve()
  await clock.run(1)
  expect(heard).toEqual(['met a', 'met a'])
  meetings[1]?.resolve()
  await clock.run(10_000)
  expect(heard).toEqual(['met a', 'met a'])
})

test('a meeting that came too early is held again after a while', async () => {
  const { clock, heard, meetings, appointments } = diary(500)
  appointments.soon(one, 50)
  await clock.run(60)
  meetings[0]?.resolve()
  await clock.run(400)
  expect(heard).toEqual(['met a'])
  await clock.run(200)
  expect(heard).toEqual(['met a', 'met a'])
  meetings[1]?.resolve()
  await clock.run(10_000)
  expect(heard).toEqual(['met a', 'met a'])
})
