/**
 * Hints by their rows: to whom they go, who is left alone, and what becomes of those that are due elsewhere.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { partitionOf } from '../../../src/core/hash.ts'
import type { NodeId } from '../../../src/core/ids.ts'
import type { Reply, Request } from '../../../src/core/wire/messages.ts'
import { Trace } from '../../../src/node/api/trace.ts'
import { HintedHandoff } from '../../../src/node/handoff/hinted-handoff.ts'
import type { Peers } from '../../../src/node/network/peers.ts'
import { RequestFailure } from '../../../src/node/network/request-failure.ts'
import { Throttle } from '../../../src/node/transfer/throttle.ts'
import { claimOf, nodeName } from '../../members.ts'
import { VirtualClock } from '../../simulation/virtual-clock.ts'
import { keyThat, replicaFixture, viewOf } from '../replica-fixture.ts'
import { written } from '../written.ts'

const members = [1, 2, 3, 4, 5, 6]

/** A keeper with a hint of a key that it does not own, for one of the owners, and the nodes that it has sent one to. */
async function keeper() {
  const { replica, routing, events } = replicaFixture(members.length)
  const time = new VirtualClock()
  const clock = time.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  const state = { isReachable: true, isRefusing: false }
  const sentTo: NodeId[] = []
  const request = async (node: NodeId, body: Request): Promise<Reply> => {
    if (body.type !== 'deliver' || body.why !== 'hint') throw new Error('a hint is delivered')
    sentTo.push(node)
    if (state.isRefusing) throw new RequestFailure('refused', 'storage-failed')
    return { type: 'taken', overwritten: [] }
  }
  const peers = { request, isReachable: () => state.isReachable } as unknown as Peers
  const throttle = new Throttle(clock)
  const trace = new Trace(clock)
  const parts = { clock, chance: () => 0.5, peers, routing, replica, throttle, events, trace, partBytes: 1_000 }
  const handoff = new HintedHandoff(parts)
  handoff.start(clock, () => 0.5)
  const key = keyThat(routing, 'not owned')
  const owners = routing.ownersOf(partitionOf(key))
  const [owner] = owners as [NodeId]
  const keep = (hintFor: NodeId) => replica.take([{ key, record: written(1), hintFor: [hintFor] }], 'relaxed')
  /** The owner says of its store that it is so. */
  const says = (storage: 'ok' | 'full') => {
    const claims = members.map((member) => claimOf(member))
    routing.follow(viewOf(claims.map((claim) => (claim.node === owner ? { ...claim, storage } : claim))), [])
  }
  return { replica, routing, handoff, time, state, sentTo, key, owners, owner, keep, says }
}

test('a target is sent nothing while its store takes nothing in, and is sent its hint then', async () => {
  const { replica, handoff, time, sentTo, owner, keep, says } = await keeper()
  await keep(owner)
  says('full')
  await handoff.deliverTo(owner)
  await time.run(4 * bounds.handoffIntervalMs)
  expect([sentTo, replica.hints.size]).toEqual([[], 1])
  says('ok')
  await time.run(2 * bounds.handoffIntervalMs)
  expect([sentTo, replica.hints.size]).toEqual([[owner], 0])
})

test('a target that refuses is left alone for longer each time, and is tried at once when it is met', async () => {
  const { replica, handoff, time, state, sentTo, owner, keep } = await keeper()
  await keep(owner)
  state.isRefusing = true
  await time.run(60 * bounds.handoffIntervalMs)
  const tries = sentTo.length
  expect([tries > 2, tries < 15]).toEqual([true, true])
  await handoff.deliverTo(owner)
  expect([sentTo.length, replica.hints.size]).toEqual([tries, 1])
  state.isRefusing = false
  handoff.met(owner)
  await handoff.deliverTo(owner)
  expect([sentTo.length, replica.hints.size]).toEqual([tries + 1, 0])
})

test.each([
  ['in reach', true],
  ['gone for good', false],
] as const)(
  'a hint that was asked for a node that owns nothing of the key, %s, goes to the owners',
  async (_, isMember) => {
    const { replica, time, sentTo, owners, keep } = await keeper()
    const stranger = members.map(nodeName).find((node) => !owners.includes(node) && node !== nodeName(1)) as NodeId
    await keep(isMember ? stranger : nodeName(99))
    await time.run(4 * bounds.handoffIntervalMs)
    expect([[...sentTo].sort(), replica.hints.size]).toEqual([[...owners].sort(), 0])
  },
)

test('a keeper that comes to own the key has it among its own records, whoever is in reach, and sends nothing', async () => {
  const { replica, routing, handoff, state, sentTo, key, owner, keep } = await keeper()
  await keep(owner)
  state.isReachable = false
  const left = members.filter((member) => member === 1 || nodeName(member) === owner).map((member) => claimOf(member))
  routing.follow(
    viewOf(left),
    members.map((member) => claimOf(member)),
  )
  await handoff.sweep()
  expect([replica.hints.size, replica.recordCount, sentTo]).toEqual([0, 1, []])
  expect((await replica.read(key)).record).toEqual(written(1))
})
