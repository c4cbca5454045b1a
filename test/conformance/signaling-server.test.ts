import { afterAll, beforeAll, describe } from 'vitest'
import { type SignalingServer, startSignaling } from '../../signaling/server.ts'
import { WebSocketSignaling } from '../../src/browser/websocket-signaling.ts'
import { seededRandom } from '../../src/memory/seeded-random.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeSignaling } from './signaling.ts'

describe('signaling over WebSockets and the real server', () => {
  let server: SignalingServer
  beforeAll(async () => {
    // Node 20 has no WebSocket of its own; the browser tests use the browser's.
    const { WebSocket } = await import('ws')
    Object.assign(globalThis, { WebSocket })
    server = await startSignaling()
  })
  afterAll(() => server.close())
  describeSignaling(() => new WebSocketSignaling([server.url], 'ef'.repeat(16), systemClock, seededRandom(1)))
})
