import { describe } from 'vitest'
import { cryptoRandom } from '../../src/browser/crypto-random.ts'
import { WebRtcTransport } from '../../src/browser/webrtc-transport.ts'
import { MemoryRoom } from '../../src/memory/memory-signaling.ts'
import { systemClock } from '../../src/system-clock.ts'
import { peerName } from './signaling.ts'
import { describeTransport } from './transport.ts'

describe('WebRTC between two ends in one page', () =>
  describeTransport(async (count) => {
    const room = new MemoryRoom()
    return Array.from({ length: count }, (_, index) => {
      const peer = peerName(index + 1)
      const meeting = { servers: room.signaling(), tabs: null }
      return { peer, transport: new WebRtcTransport(peer, meeting, {}, systemClock, cryptoRandom) }
    })
  }))
