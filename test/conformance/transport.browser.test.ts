import { describe, expect, test } from 'vitest'
import { cryptoRandom } from '../../src/browser/crypto-random.ts'
import { WebRtcTransport } from '../../src/browser/webrtc/webrtc-transport.ts'
import { bounds } from '../../src/core/bounds.ts'
import { MemoryRoom } from '../../src/memory/memory-signaling.ts'
import { systemClock } from '../../src/system-clock.ts'
import { peerName } from './signaling.ts'
import { describeTransport, Witness } from './transport.ts'

function stations(count: number) {
  const room = new MemoryRoom()
  return Array.from({ length: count }, (_, index) => {
    const peer = peerName(index + 1)
    const meeting = { servers: room.signaling(), tabs: null }
    return { peer, transport: new WebRtcTransport(peer, meeting, () => ({}), systemClock, cryptoRandom) }
  })
}

describe('WebRTC between two ends in one page', () => {
  describeTransport(async (count) => stations(count))

  test('somebody with enough channels comes to a room where a stranger waits for him to begin, and they meet', async () => {
    const all = stations(bounds.firstContacts + 2)
    const [first, ...rest] = all.slice(0, -1).map((station) => new Witness(station)) as [Witness, ...Witness[]]
    await first.until(() => first.open.size === rest.length)
    for (const { transport } of all.slice(0, -1)) transport.listen('not now')
    const stranger = new Witness(all.at(-1) as (typeof all)[number])
    await all.at(-1)?.transport.met()
    expect(stranger.open.size).toBe(0)
    all[0]?.transport.listen('always')
    await stranger.until(() => stranger.open.size === 1)
    for (const { transport } of all) transport.close()
  })

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
