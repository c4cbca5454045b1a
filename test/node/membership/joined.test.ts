/**
 * Waiting for the ring ends at once where it is pointless, and only there.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId, PeerId } from '../../../src/core/ids.ts'
import { Events } from '../../../src/node/api/events.ts'
import type { Parts } from '../../../src/node/assembly.ts'
import { Joined } from '../../../src/node/membership/joined.ts'
import type { Membership } from '../../../src/node/membership/membership.ts'
import type { Peers } from '../../../src/node/network/peers.ts'
import type { Transport } from '../../../src/ports.ts'
import { systemClock } from '../../../src/system-clock.ts'

const peer = 'peer' as PeerId
const server = 'ws://one.example'

/** Somebody waits here for more members than there are, and may have met one. */
function waiting(met: readonly NodeId[]) {
  const joined = new Joined(systemClock, new Events())
  const peers = { connected: met, greeted: async () => {} } as unknown as Peers
  const membership = { pushPull: async () => {} } as unknown as Membership
  joined.begin({ met: async () => {} } as unknown as Transport, peers, membership)
  const node = {
    routing: { claims: [] },
    ownership: { syncing: [] },
    peers,
    membership: { view: new Map(), claims: [] },
  } as unknown as Parts
  const refusal = joined.whole(node, 3, 200).then(
    () => ({ code: 'joined', message: '' }),
    (error: unknown) => error as { readonly code: string; readonly message: string },
  )
  return { joined, over: refusal.then(({ code }) => code), text: refusal.then(({ message }) => message) }
}

describe('of whoever has met nobody', () => {
  test.each([
    ['a peer that cannot be in one ring', 'cluster-mismatch', (joined: Joined) => joined.refused(peer, 'another n')],
    ['a network without a route', 'unsupported', (joined: Joined) => joined.connectionFailed(peer, 'no-route')],
    [
      'the only server',
      'signaling-refused',
      (joined: Joined) => joined.signaling({ url: server, state: 'refused', reason: 'malformed' }),
    ],
  ])('%s ends the waiting at once', async (_who, code, happens) => {
    const { joined, over } = waiting([])
    happens(joined)
    expect(await over).toBe(code)
  })

  test('one server of two that refuses does not', async () => {
    const { joined, over } = waiting([])
    joined.signaling({ url: 'ws://two.example', state: 'retrying' })
    joined.signaling({ url: server, state: 'refused', reason: 'malformed' })
    expect(await over).toBe('timeout')
  })
})

test('whoever waited in vain hears how it stands with the signaling servers', async () => {
  const [unreached, empty, none, met] = [waiting([]), waiting([]), waiting([]), waiting(['a'.repeat(32) as NodeId])]
  unreached.joined.signaling({ url: server, state: 'retrying' })
  empty.joined.signaling({ url: server, state: 'open' })
  met.joined.signaling({ url: server, state: 'open' })
  expect(await unreached.text).toMatch(/no signaling server has let this tab in: ws:\/\/one.example retrying$/)
  expect(await empty.text).toMatch(/a signaling server let this tab in, and nobody was met there$/)
  expect(await none.text).toMatch(/no signaling server is asked, only tabs of this browser$/)
  expect(await met.text).toMatch(/partitions still to fetch$/)
})

test('whoever has met somebody goes on waiting, whatever becomes of others', async () => {
  const { joined, over } = waiting(['a'.repeat(32) as NodeId])
  joined.refused(peer, 'another n')
  joined.signaling({ url: server, state: 'refused', reason: 'malformed' })
  expect(await over).toBe('timeout')
})
