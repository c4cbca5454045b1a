import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SignalingServer, startSignaling } from '../../signaling/server.ts'
import { WebSocketSignaling } from '../../src/browser/websocket-signaling.ts'
import { bounds } from '../../src/core/bounds.ts'
import { seededRandom } from '../../src/memory/seeded-random.ts'
import type { SignalingEvent } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeSignaling, peerName } from './signaling.ts'

describe('signaling over WebSockets and the real server', () => {
  let server: SignalingServer
  beforeAll(async () => {
    // Node 20 has no WebSocket of its own; the browser tests use the browser's.
    const { WebSocket } = await import('ws')
    Object.assign(globalThis, { WebSocket })
    server = await startSignaling()
  })
  afterAll(() => server.close())
  const inRoom = (tag: string) => () => new WebSocketSignaling([server.url], tag, systemClock, seededRandom(1))
  describeSignaling(inRoom('ef'.repeat(16)))

  test('whoever finds a room full tries again, and is in when somebody has left', async () => {
    const join = (index: number) => {
      const signaling = inRoom('ab'.repeat(16))()
      const events: SignalingEvent[] = []
      let heard = () => {}
      const state = (event: SignalingEvent) => {
        events.push(event)
        heard()
      }
      const ignore = () => {}
      signaling.join(peerName(index), { joined: ignore, arrived: ignore, gone: ignore, message: ignore, state })
      const until = async (wanted: SignalingEvent['state']) => {
        while (events.at(-1)?.state !== wanted) await new Promise<void>((resolve) => (heard = resolve))
        return events.at(-1)
      }
      return { signaling, until }
    }
    const crowd = Array.from({ length: bounds.signalingPeersPerRoomMax }, (_, index) => join(index + 1))
    await Promise.all(crowd.map(({ until }) => until('open')))
    const late = join(1000)
    expect(await late.until('retrying')).toMatchObject({ reason: 'room-full' })
    crowd.pop()?.signaling.close()
    await late.until('open')
    for (const { signaling } of [...crowd, late]) signaling.close()
  })
})
