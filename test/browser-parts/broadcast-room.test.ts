import { afterEach, expect, test } from 'vitest'
import { BroadcastRoom } from '../../src/browser/webrtc/broadcast-room.ts'
import { bounds } from '../../src/core/bounds.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { deferred } from '../../src/node/scheduling/timers.ts'
import type { Clock, SignalingHandlers } from '../../src/ports.ts'

const [here, there] = ['a'.repeat(32) as PeerId, 'b'.repeat(32) as PeerId]
const deaf: SignalingHandlers = {
  joined: () => {},
  arrived: () => {},
  gone: () => {},
  message: () => {},
  state: () => {},
}
const rooms: BroadcastRoom[] = []
afterEach(() => {
  for (const room of rooms.splice(0)) room.close()
})

/** A clock that is moved by hand. */
function handClock(): Clock & { move(ms: number): void } {
  let now = 0
  const due = new Set<{ readonly at: number; readonly task: () => void }>()
  const after = (ms: number, task: () => void) => {
    const timer = { at: now + ms, task }
    due.add(timer)
    return () => due.delete(timer)
  }
  const move = (ms: number) => {
    now += ms
    for (const timer of [...due].filter(({ at }) => at <= now)) if (due.delete(timer)) timer.task()
  }
  return { now: () => now, wall: () => now, after, move }
}

function joined(peer: PeerId, clock: Clock): BroadcastRoom {
  const room = new BroadcastRoom('a room', clock)
  rooms.push(room)
  room.join(peer, deaf)
  return room
}

/** A link of `here` to `there`, and its end. */
function linkOn(clock: Clock) {
  const closed = deferred<void>()
  const link = joined(here, clock).link(there, { message: () => {}, closed: () => closed.resolve() })
  return { link, closed: closed.promise }
}

test('a link to a tab that has crashed ends after a while, and what waits for it is refused', async () => {
  const clock = handClock()
  const { link, closed } = linkOn(clock)
  const large = new Uint8Array(2 * bounds.framesUnderWayMax * bounds.frameBytesMax)
  const sending = link.send(large, 'bulk')
  clock.move(bounds.connectTimeoutMs)
  await expect(sending).rejects.toThrow('closed')
  await closed
  expect(link.isOpen).toBe(false)
  expect(link.isUnanswered).toBe(true)
})

test('a link stays once the other tab has taken all frames, however long it says nothing then', async () => {
  const clock = handClock()
  const answered = deferred<void>()
  const link = joined(here, clock).link(there, { message: () => answered.resolve(), closed: () => {} })
  const other = joined(there, clock).link(here, {
    // What it confirmed is on the way before its answer.
    message: () => void other.send(Uint8Array.of(1), 'bulk'),
    closed: () => {},
  })
  await link.send(new Uint8Array(2 * bounds.framesUnderWayMax * bounds.frameBytesMax), 'bulk')
  await answered.promise
  clock.move(bounds.connectTimeoutMs)
  expect(link.isOpen).toBe(true)
})

test('a tab that has no link says so, and the link of the other ends', async () => {
  const clock = handClock()
  const { link, closed } = linkOn(clock)
  joined(there, clock)
  await link.send(Uint8Array.of(1), 'bulk')
  await closed
  expect(link.isUnanswered).toBe(false)
})
