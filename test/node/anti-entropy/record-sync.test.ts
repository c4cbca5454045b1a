/**
 * What an exchange moves where ownership has moved since it compared: nothing. What comes to a node that owns it no more becomes a
 * hint for each owner, although its giver has it.
 */
import { expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import type { Partition } from '../../../src/core/ids.ts'
import { hybridZero } from '../../../src/core/versioning/hybrid-time.ts'
import type { KeyedRecord, Reply, Request } from '../../../src/core/wire/messages.ts'
import { versionOf } from '../../../src/core/wire/record-codec.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import type { Transfer } from '../../../src/node/anti-entropy/exchange-log.ts'
import { type Agreed, RecordSync } from '../../../src/node/anti-entropy/record-sync.ts'
import type { Peers } from '../../../src/node/network/peers.ts'
import { Throttle } from '../../../src/node/transfer/throttle.ts'
import { StoreFailure } from '../../../src/ports.ts'
import { systemClock } from '../../../src/system-clock.ts'
import { nodeName } from '../../members.ts'
import { keyNamed, keyThat, replicaFixture } from '../replica-fixture.ts'
import { written } from '../written.ts'

const peer = nodeName(2)
const agreed: Agreed = {
  coming: { origin: 'exchanged', floorOf: () => hybridZero, giverFloorOf: () => hybridZero, isKept: () => true },
  isKnown: () => false,
}
const transfer = { moved: () => {} } as unknown as Transfer

/** A node that moves one record; `asked`: what it asks the other for, which has the record too. */
function mover(owned: 'owned' | 'not owned', overwritten: readonly KeyedRecord[] = []) {
  const store = memoryStore()
  const { replica, routing } = replicaFixture(6, 3, store)
  const key = keyThat(routing, owned)
  const asked: Request['type'][] = []
  const given: KeyedRecord[] = []
  const request = async (_: unknown, body: Request): Promise<Reply> => {
    asked.push(body.type)
    if (body.type === 'deliver') given.push(...body.entries)
    return body.type === 'fetch'
      ? { type: 'records', entries: [{ key, record: written(1) }], received: [], considered: 1 }
      : { type: 'taken', overwritten }
  }
  const peers = { request, isReachable: () => true } as unknown as Peers
  const item = { key: keyHashOf(key), version: versionOf(written(1)) }
  const failed = new Set<Partition>()
  return {
    store,
    routing,
    replica,
    key,
    asked,
    given,
    item,
    failed,
    moving: new RecordSync(peers, replica, new Throttle(systemClock), routing),
  }
}

test('what this node owns is pulled; what it owns no more is not asked for, and not in step', async () => {
  const owner = mover('owned')
  await owner.moving.pull(peer, [owner.item], agreed, owner.failed, transfer)
  expect([owner.asked, owner.failed.size]).toEqual([['fetch'], 0])
  const former = mover('not owned')
  await former.moving.pull(peer, [former.item], agreed, former.failed, transfer)
  expect([former.asked, [...former.failed]]).toEqual([[], [partitionOf(former.key)]])
  expect(former.replica.hints.size).toBe(0)
})

test('what is due to the other is pushed; what others own by now is not sent, and not in step', async () => {
  const giver = mover('owned')
  await giver.replica.take([{ key: giver.key, record: written(1), hintFor: [] }], 'relaxed')
  const push = (isDue: () => boolean) => giver.moving.push(peer, [giver.item], isDue, agreed, giver.failed, transfer)
  await push(() => true)
  expect([giver.asked, giver.failed.size]).toEqual([['deliver'], 0])
  await push(() => false)
  expect([giver.asked, [...giver.failed]]).toEqual([['deliver'], [partitionOf(giver.key)]])
})

test('a full store of this node, which cannot even take names in, says nothing about the other: all is pushed', async () => {
  const names = { ...written(9), siblings: [] }
  const giver = mover('owned', [{ key: keyNamed('overwritten'), record: names }])
  const keys = Array.from({ length: 2_000 }, (_, index) => keyNamed(`key ${index}`))
  const due = keys.filter((each) => giver.routing.owns(partitionOf(each)))
  const records = due.map((key) => ({ key, record: written(1), hintFor: [] }))
  await giver.replica.take(records, 'relaxed')
  giver.store.transact = () => Promise.reject(new StoreFailure('full', 'the disk is full'))
  const items = due.map((key) => ({ key: keyHashOf(key), version: versionOf(written(1)) }))
  await giver.moving.push(peer, items, () => true, agreed, giver.failed, transfer)
  expect(giver.given.length).toBe(due.length)
})
