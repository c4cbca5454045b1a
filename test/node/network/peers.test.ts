/**
 * Channels to other nodes, over a wire on which a close overtakes what was sent before.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { tagOf } from '../../../src/core/hash.ts'
import type { ActorId, NodeId, PeerId, StoredKey, ViewHash } from '../../../src/core/ids.ts'
import type { Claim } from '../../../src/core/membership/claims.ts'
import { MemberList } from '../../../src/core/membership/member-list.ts'
import { noTrouble, type Trouble } from '../../../src/node/api/events.ts'
import { helloOf } from '../../../src/node/network/handshake.ts'
import { Peers } from '../../../src/node/network/peers.ts'
import type { RequestFailure } from '../../../src/node/network/request-failure.ts'
import { Retention } from '../../../src/node/ownership/retention.ts'
import type { Transport, TransportHandlers } from '../../../src/ports.ts'
import { claimOf } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'

const clock = new VirtualClock()
const delayMs = 40

interface End {
  readonly peers: Peers
  readonly told: string[]
  /** How its transport was told to give the channel up. */
  readonly dropped: string[]
  readonly trouble: Trouble
  handlers: TransportHandlers | undefined
  other: End | undefined
  isOpen: boolean
}

/** A node named by letters, as a member. */
const memberOf = (name: string): Claim => ({ ...claimOf(0), node: name.repeat(32) as NodeId })

function endOf(name: string): End {
  const self = name.repeat(16) as PeerId
  const nobody = { handlers: undefined, other: undefined }
  const end: Omit<End, 'peers'> = { told: [], dropped: [], trouble: noTrouble(), ...nobody, isOpen: true }
  const transport: Transport = {
    self,
    start: (handlers) => {
      end.handlers = handlers
    },
    met: async () => {},
    send: async (_to, message) => {
      if (!end.isOpen) throw new Error('there is no channel to that peer')
      clock.after(delayMs, () => end.isOpen && end.other?.isOpen && end.other.handlers?.message(self, message))
    },
    want: () => {},
    introduced: () => {},
    listen: () => {},
    drop: (to, how) => {
      end.dropped.push(how)
      for (const each of [end, end.other]) {
        if (each === undefined || !each.isOpen) continue
        each.isOpen = false
        each.handlers?.closed(each === end ? to : self, 'closed')
      }
    },
    close: () => {},
  }
  const settings = { n: 3, graceMs: bounds.graceMs }
  const ids = [name.repeat(32) as NodeId, name.repeat(16) as ActorId] as const
  const hello = helloOf(tagOf('ring'), settings, new Retention(bounds.retentionMs), { held: [] }, ...ids)
  const seen = clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const members = new MemberList(memberOf(name), ['a', 'b', 'c'].map(memberOf), 0)
  const peers = new Peers(transport, seen, hello, members, { hash: '0'.repeat(16) as ViewHash })
  peers.on.closed = (_node, how) => end.told.push(how)
  peers.on.malformed = () => {
    end.trouble.malformed += 1
  }
  peers.on.unsent = () => {
    end.trouble.unsent += 1
  }
  peers.start()
  return Object.assign(end, { peers })
}

async function connected(): Promise<readonly [End, End]> {
  const [a, b] = [endOf('a'), endOf('b')]
  a.other = b
  b.other = a
  a.handlers?.opened('b'.repeat(16) as PeerId, null)
  b.handlers?.opened('a'.repeat(16) as PeerId, null)
  await clock.run(2 * delayMs)
  return [a, b]
}

test('a channel that is given up looks lost to neither end, and is closed by the one that hears of it', async () => {
  const [a, b] = await connected()
  a.peers.part('b'.repeat(32) as NodeId)
  expect([a.told, a.peers.connected, a.isOpen]).toEqual([['parted'], [], true])
  await clock.run(2 * delayMs)
  expect([b.told, b.peers.connected, b.isOpen]).toEqual([['parted'], [], false])
  await clock.run(bounds.partingMs)
  expect([a.told, b.told]).toEqual([['parted'], ['parted']])
  // Or whoever had it closed to him would open it again.
  expect(new Set([...a.dropped, ...b.dropped])).toEqual(new Set(['for now']))
  expect([a.dropped.length > 0, b.dropped.length > 0]).toEqual([true, true])
})

test('where the other end does not close it, the one that gave it up does', async () => {
  const [a, b] = await connected()
  b.handlers = undefined
  a.peers.part('b'.repeat(32) as NodeId)
  await clock.run(bounds.partingMs)
  expect(a.isOpen).toBe(false)
})

test('a message that makes no sense is counted where it came, and one that cannot go where it was to', async () => {
  const [, b] = await connected()
  b.handlers?.message('a'.repeat(16) as PeerId, Uint8Array.of(255, 1, 2))
  expect([b.trouble, b.dropped]).toEqual([{ ...noTrouble(), malformed: 1 }, ['for good']])
  const [c] = await connected()
  c.isOpen = false
  c.peers.introduce('b'.repeat(32) as NodeId, 'a'.repeat(16) as PeerId, 'b'.repeat(16) as PeerId, '')
  await clock.run(1)
  expect(c.trouble).toEqual({ ...noTrouble(), unsent: 1 })
})

test('a node that no relay could reach is tried again after the pause, however often it is asked for', async () => {
  const [a, b] = await connected()
  const relayedAt: number[] = []
  b.peers.on.received = (_node, { kind }) => {
    if (kind === 'relay') relayedAt.push(clock.now)
  }
  const begunAt = clock.now
  const failures = []
  while (clock.now - begunAt < 2 * bounds.relayRetryMs) {
    const asked = a.peers.request('c'.repeat(32) as NodeId, { type: 'get', key: 'k' as StoredKey })
    failures.push(asked.catch((error: RequestFailure) => error.reason))
    await clock.run(1_000)
  }
  expect(new Set(await Promise.all(failures))).toEqual(new Set(['unreachable']))
  expect(relayedAt).toHaveLength(2)
})
