/**
 * Which channels are kept when there are as many as may be. Method: members and channels as a test says; what is given
 * up is recorded.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { NodeId, PeerId } from '../../../src/core/ids.ts'
import { Links } from '../../../src/node/membership/links.ts'
import type { Membership } from '../../../src/node/membership/membership.ts'
import type { Peers } from '../../../src/node/network/peers.ts'
import type { Transport } from '../../../src/ports.ts'
import { systemClock } from '../../../src/system-clock.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

const linksMax = 10
const room = linksMax - bounds.linksSpare

/**
 * Links of a node with so many channels, the first of them to neighbours; the longer ago one was heard from, the later
 * it comes. There are so many neighbours more that it has no channel to.
 */
function linksWith(channels: number, neighbours: number, missing = 0) {
  const connected = Array.from({ length: channels }, (_, index) => `node ${index}` as NodeId)
  const absent = Array.from({ length: missing }, (_, index) => `absent ${index}` as NodeId)
  const parted: string[] = []
  const peers: Partial<Peers> = {
    get connected() {
      return connected.filter((node) => !parted.includes(node))
    },
    heardAt: (node) => -connected.indexOf(node),
    part: (node) => parted.push(node),
  }
  const claim = { status: 'alive', peer: '' as PeerId }
  const membership = {
    own: { node: 'own' },
    view: new Map([...connected, ...absent].map((node) => [node, claim])),
    neighbours: new Set([...connected.slice(0, neighbours), ...absent]),
  }
  const links = new Links(systemClock, {} as Transport, peers as Peers, membership as unknown as Membership, linksMax)
  return { links, parted }
}

test('while there is room a channel more is admitted, and none is given up', () => {
  const { links, parted } = linksWith(linksMax - 1, 3)
  expect(links.admits(linksMax - 1)).toBe(true)
  expect(parted).toEqual([])
})

test('who has as many as may be admits none, and gives those up that were idle longest, until there is room to spare', () => {
  const { links, parted } = linksWith(linksMax, 3)
  expect(links.admits(linksMax)).toBe(false)
  expect(parted).toEqual(['node 9', 'node 8'])
  expect(links.admits(room)).toBe(true)
})

test('asked again before they have closed, it gives up no more', () => {
  const { links, parted } = linksWith(linksMax, 3)
  for (let asked = 0; asked < 5; asked += 1) expect(links.admits(linksMax)).toBe(false)
  expect(parted).toHaveLength(bounds.linksSpare)
})

test('channels to neighbours are never given up', () => {
  const { links, parted } = linksWith(linksMax, linksMax)
  expect(links.admits(linksMax)).toBe(false)
  expect(parted).toEqual([])
})

test('for neighbours that are not met yet no channel is given up while there is room: it may be through it that they are met', () => {
  const { links, parted } = linksWith(room + 1, 0, linksMax - bounds.linksSpare)
  expect(links.admits(linksMax)).toBe(false)
  expect(parted).toEqual([`node ${room}`])
})

test('a channel for much traffic that either end has given up is not opened again for a while', async () => {
  const clock = new VirtualClock()
  const [far, peer] = ['far' as NodeId, 'its peer' as PeerId]
  let wanted: ReadonlySet<PeerId> = new Set()
  const transport: Partial<Transport> = {
    want: (peers) => {
      wanted = peers
    },
    listen: () => {},
  }
  const peers: Partial<Peers> = { connected: [], isConnected: () => false, isReachable: () => true }
  const membership = {
    own: { node: 'own' },
    view: new Map([[far, { status: 'alive', peer }]]),
    neighbours: new Set(),
    awake: [far],
  } as unknown as Membership
  const seen = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const links = new Links(seen, transport as Transport, peers as Peers, membership, linksMax)
  const talk = async () => {
    for (let count = 0; count < 2 * bounds.relayedToLink; count += 1) links.sent(far)
    await clock.run(2 * bounds.exchangeSettleMs)
    return wanted.has(peer)
  }
  expect(await talk()).toBe(true)
  links.parted(far)
  links.changed()
  expect(await talk()).toBe(false)
  await clock.run(bounds.linkRestMs)
  expect(await talk()).toBe(true)
})
