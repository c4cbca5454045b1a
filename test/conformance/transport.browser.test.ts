import { describe, expect, test } from 'vitest'
import { cryptoRandom } from '../../src/browser/crypto-random.ts'
import { WebRtcTransport } from '../../src/browser/webrtc-transport.ts'
import { MemoryRoom } from '../../src/memory/memory-signaling.ts'
import { systemClock } from '../../src/system-clock.ts'
import { peerName } from './signaling.ts'
import { describeTransport, Witness } from './transport.ts'

function stations(count: number) {
  const room = new MemoryRoom()
  return Array.from({ length: count }, (_, index) => {
    const peer = peerName(index + 1)
    const meeting = { servers: room.signaling(), tabs: null }
    return { peer, transport: new WebRtcTransport(peer, meeting, {}, systemClock, cryptoRandom) }
  })
}

describe('WebRTC between two ends in one page', () => {
  describeTransport(async (count) => stations(count))

  test('where one end has no room no channel opens, whichever of the two begins, and one does when there is room', async () => {
    for (const full of [0, 1]) {
      const all = stations(2)
      const witnesses = all.map((station) => new Witness(station))
      const witness = witnesses[full] as Witness
      witness.hasRoom = false
      await witness.until(() => witness.refused > 0)
      expect(witnesses.map(({ open }) => open.size)).toEqual([0, 0])
      witness.hasRoom = true
      await Promise.all(witnesses.map((each) => each.until(() => each.open.size === 1)))
      for (const { transport } of all) transport.close()
    }
  })
})
