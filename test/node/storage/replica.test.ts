/**
 * What one node stores and what it hands on, step by step: the moments that a running cluster passes too quickly to
 * see.
 */

import { describe, expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import type { ActorId, NodeId, PeerId, StoredKey } from '../../../src/core/ids.ts'
import type { Claim } from '../../../src/core/membership/claims.ts'
import { MemberList } from '../../../src/core/membership/member-list.ts'
import { emptyHistory } from '../../../src/core/versioning/causal-history.ts'
import { blindContext } from '../../../src/core/versioning/context.ts'
import { hybridZero } from '../../../src/core/versioning/hybrid-time.ts'
import { emptyRecord, type Record, type ValueSibling } from '../../../src/core/versioning/record.ts'
import type { Reply, Request } from '../../../src/core/wire/messages.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { seededRandom } from '../../../src/memory/seeded-random.ts'
import { Trace } from '../../../src/node/api/trace.ts'
import { Coordinator } from '../../../src/node/coordination/coordinator.ts'
import { DotMint, mintActor } from '../../../src/node/coordination/dot-mint.ts'
import { putFailed } from '../../../src/node/coordination/outcomes.ts'
import { read } from '../../../src/node/coordination/read.ts'
import { repairStale } from '../../../src/node/coordination/read-repair.ts'
import { write } from '../../../src/node/coordination/write.ts'
import { WriteStamp } from '../../../src/node/coordination/write-stamp.ts'
import { Peers } from '../../../src/node/network/peers.ts'
import { Routing } from '../../../src/node/ownership/routing.ts'
import { HybridClock } from '../../../src/node/scheduling/hybrid-clock.ts'
import { deferred } from '../../../src/node/scheduling/timers.ts'
import { HintRefused } from '../../../src/node/storage/hint-index.ts'
import { hintRow } from '../../../src/node/storage/rows.ts'
import { type Store, StoreFailure } from '../../../src/ports.ts'
import { systemClock } from '../../../src/system-clock.ts'
import { claimOf as claim, nodeName } from '../../members.ts'
import { keyNamed, keyThat, replicaFixture, viewOf } from '../replica-fixture.ts'
import { written } from '../written.ts'

const values = (record: Record) =>
  record.siblings.map((sibling) => (sibling.kind === 'value' ? sibling.value[0] : null))

describe('hints', () => {
  test('a hint is served on reads, owed to its targets, and gone once all of them have it', async () => {
    const { replica, routing } = replicaFixture(6)
    const key = keyThat(routing, 'not owned')
    const [a, b] = [nodeName(2), nodeName(3)]
    await replica.take([{ key, record: written(1), hintFor: [a, b] }], 'relaxed')
    expect(await replica.read(key)).toMatchObject({ hinted: true })
    expect([...(await replica.hints.owedTo(a))]).toEqual([key])
    const sent = await replica.hints.of([key])
    await replica.hints.settle(a, sent)
    expect([...(await replica.hints.owedTo(a))]).toEqual([])
    expect(replica.hints.size).toBe(1)
    await replica.hints.settle(b, sent)
    expect([...(await replica.hints.owedTo(b))]).toEqual([])
    expect(replica.hints.size).toBe(0)
    expect((await replica.read(key)).record).toEqual(emptyRecord)
  })

  test('a hint that grew after it was sent stays owed', async () => {
    const { replica, routing } = replicaFixture(6)
    const key = keyThat(routing, 'not owned')
    const target = nodeName(2)
    await replica.take([{ key, record: written(1), hintFor: [target] }], 'relaxed')
    const sent = await replica.hints.of([key])
    await replica.take([{ key, record: written(2), hintFor: [target] }], 'relaxed')
    await replica.hints.settle(target, sent)
    expect([...(await replica.hints.owedTo(target))]).toEqual([key])
    expect(values((await replica.read(key)).record)).toEqual([1, 2])
  })

  test('another node is refused where there is no room for more, and nothing has changed; what this one was asked for is kept', async () => {
    const { replica, routing } = replicaFixture(6)
    const target = nodeName(2)
    const names = Array.from({ length: 100 }, (_, index) => keyNamed(`key ${index}`))
    const notOwned = names.filter((key) => !routing.owns(partitionOf(key)))
    const full = notOwned.slice(0, 3)
    for (const key of full) await replica.take([{ key, record: written(1), hintFor: [target] }], 'relaxed', 'another')
    const [refused, kept] = notOwned.slice(3) as [StoredKey, StoredKey]
    const taking = replica.take([{ key: refused, record: written(1), hintFor: [target] }], 'relaxed', 'another')
    await expect(taking).rejects.toThrow(HintRefused)
    expect((await replica.read(refused)).record).toEqual(emptyRecord)
    await replica.take([{ key: kept, record: written(1), hintFor: [target] }], 'relaxed')
    expect(replica.hints.size).toBe(4)
    // One that is kept already may grow, and one that has gone home makes room.
    const [first] = full as [StoredKey]
    await replica.take([{ key: first, record: written(2), hintFor: [target] }], 'relaxed', 'another')
    await replica.hints.settle(target, await replica.hints.of([first, kept]))
    await replica.take([{ key: refused, record: written(1), hintFor: [target] }], 'relaxed', 'another')
    expect(replica.hints.size).toBe(3)
  })

  test('what is kept for whom, and how much it takes, is known after a reload without reading any of it', async () => {
    const store = memoryStore()
    const before = replicaFixture(6, 3, store)
    const [a, b] = [nodeName(2), nodeName(3)]
    const key = keyThat(before.routing, 'not owned')
    await before.replica.take([{ key, record: written(1), hintFor: [a] }], 'relaxed')
    await before.replica.take([{ key, record: written(2), hintFor: [b] }], 'relaxed')
    const read: string[] = []
    const watched: Store = {
      ...store,
      scan: (range) => {
        read.push(range.table)
        return store.scan(range)
      },
    }
    const { replica, routing } = replicaFixture(6, 3, watched)
    expect(await replica.hints.targets()).toEqual([a, b])
    expect(replica.hints.size).toBe(1)
    expect(read).not.toContain('hint')
    // Hints of 900 bytes are too many where one takes more than 100 of the 1,000 by itself.
    const large = {
      ...written(3, 3),
      siblings: [{ ...(written(3).siblings[0] as ValueSibling), value: new Uint8Array(900) }],
    }
    const other = Array.from({ length: 100 }, (_, index) => keyNamed(`other ${index}`)).find(
      (name) => !routing.owns(partitionOf(name)),
    ) as StoredKey
    const taking = replica.take([{ key: other, record: large, hintFor: [a] }], 'relaxed', 'another')
    await expect(taking).rejects.toThrow(HintRefused)
  })

  test('a hint that its disk has altered is given up for each of those it was kept for', async () => {
    const store = memoryStore()
    const { replica, routing } = replicaFixture(6, 3, store)
    const [a, b] = [nodeName(2), nodeName(3)]
    const key = keyThat(routing, 'not owned')
    await replica.take([{ key, record: written(1), hintFor: [a, b] }], 'relaxed')
    await store.transact([], 'relaxed', () => ({
      writes: [{ key: hintRow(key), value: Uint8Array.of(1, 2, 3) }],
      result: undefined,
    }))
    await replica.hints.settle(a, await replica.hints.of([key]))
    expect([...(await replica.hints.owedTo(a))]).toEqual([])
    expect(await replica.hints.targets()).toEqual([b])
    await replica.hints.settle(b, await replica.hints.of([key]))
    expect([...(await replica.hints.owedTo(b))]).toEqual([])
    expect(replica.hints.size).toBe(0)
  })

  test('what reaches a node that owns nothing of it is kept for those who do', async () => {
    const { replica, routing } = replicaFixture(6)
    const key = keyThat(routing, 'not owned')
    await replica.take([{ key, record: written(1), hintFor: [] }], 'strict')
    for (const owner of routing.ownersOf(partitionOf(key)))
      expect([...(await replica.hints.owedTo(owner))]).toEqual([key])
    expect(await replica.records([keyHashOf(key)])).toEqual([])
  })
})

test('a record that has more siblings than it should is told of once it is stored, and none that has just enough', async () => {
  const { replica, routing, crowded } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  for (const value of [1, 2, 3]) await replica.take([{ key, record: written(value), hintFor: [] }], 'relaxed')
  expect(crowded).toEqual([])
  await replica.take([{ key, record: written(4), hintFor: [] }], 'relaxed')
  expect(crowded).toEqual([key])
})

describe('routing', () => {
  test('a node that comes back with another capacity has the same place for all who hold the same view', () => {
    const { routing } = replicaFixture(5)
    expect(routing.placement.owners).toBeDefined()
    const heavier: Claim = { ...claim(2), incarnation: 2, capacity16ths: 64 }
    routing.follow(viewOf([claim(1), heavier, claim(3), claim(4), claim(5)]), [heavier])
    const fresh = new Routing(nodeName(1), viewOf([claim(1), heavier, claim(3), claim(4), claim(5)]), 3)
    expect(routing.hash).toBe(fresh.hash)
    expect(routing.placement.owners).toEqual(fresh.placement.owners)
  })

  test('a member that is suspected, asleep or dead keeps its place; one that is out or has left does not', () => {
    const { routing } = replicaFixture(5)
    let changes = 0
    routing.onChanged = () => {
      changes += 1
    }
    const seen = (status: Claim['status']) =>
      routing.follow(viewOf([claim(1), { ...claim(2), status }, claim(3), claim(4), claim(5)]), [claim(2)])
    for (const status of ['suspect', 'away', 'dead'] as const) seen(status)
    expect(changes).toBe(0)
    expect(routing.isPlaced(nodeName(2))).toBe(true)
    seen('out')
    expect(changes).toBe(1)
    expect(routing.others).not.toContain(nodeName(2))
    seen('left')
    expect(changes).toBe(1)
  })
})

describe('records', () => {
  test('a partition that became ours again is not dropped by a decision made before', async () => {
    const { replica, routing } = replicaFixture(6)
    const key = keyThat(routing, 'owned')
    await replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
    expect(await replica.drop([partitionOf(key)], () => true)).toEqual([])
    expect(values((await replica.read(key)).record)).toEqual([1])
  })

  test('a partition is not dropped while word of a write to it has not come', async () => {
    const inner = memoryStore()
    const word = deferred<void>()
    let isLate = true
    const store: Store = {
      ...inner,
      transact: async (...transaction) => {
        const waits = isLate
        isLate = false
        const result = await inner.transact(...transaction)
        if (waits) await word.promise
        return result
      },
    }
    const { replica, routing } = replicaFixture(6, 3, store)
    const key = keyThat(routing, 'owned')
    const partition = partitionOf(key)
    const writing = replica.take([{ key, record: written(1), hintFor: [] }], 'relaxed')
    const members = Array.from({ length: 6 }, (_, index) => claim(index + 1))
    for (let index = 7; routing.owns(partition); index += 1) {
      members.push(claim(index))
      routing.follow(viewOf(members), [claim(index)])
    }
    expect(await replica.drop([partition], () => true)).toEqual([])
    word.resolve()
    await writing
    expect(await replica.drop([partition], () => true)).toEqual([partition])
  })

  test.each([
    ['was', 1],
    ['was not', 0],
  ] as const)('a transaction that failed and %s completed counts as what the store says', async (what, count) => {
    const inner = memoryStore()
    let isFailing = false
    const store: Store = {
      ...inner,
      transact: async (keys, durability, decide) => {
        if (isFailing && what === 'was not') throw new StoreFailure('failed', 'never begun')
        const result = await inner.transact(keys, durability, decide)
        if (isFailing) throw new StoreFailure('failed', 'nobody heard of its end')
        return result
      },
    }
    const { replica, routing } = replicaFixture(6, 3, store)
    const owned = keyThat(routing, 'owned')
    const other = keyThat(routing, 'not owned')
    isFailing = true
    await expect(replica.take([{ key: owned, record: written(1), hintFor: [] }], 'relaxed')).rejects.toThrow(
      StoreFailure,
    )
    await expect(replica.take([{ key: other, record: written(1), hintFor: [] }], 'relaxed')).rejects.toThrow(
      StoreFailure,
    )
    isFailing = false
    const forest = await replica.forest()
    expect(forest.sizeOf(partitionOf(owned))).toBe(count)
    expect(replica.hints.size).toBe(count)
  })

  test('one dot with two values is reported loudly', async () => {
    const { replica, routing, corrupt } = replicaFixture(3)
    const key = keyThat(routing, 'owned')
    await replica.take([{ key, record: written(1, 1), hintFor: [] }], 'relaxed')
    expect(corrupt).toEqual([])
    await replica.take([{ key, record: written(1, 2), hintFor: [] }], 'relaxed')
    expect(corrupt).toHaveLength(1)
  })
})

const random = seededRandom(1)

/** A coordinator whose fellow nodes answer what `answer` says; null is no answer. */
function coordination(count: number, answer: (node: NodeId, request: Request) => Reply | null, devices = count) {
  const parts = replicaFixture(count, 3, memoryStore(), devices)
  const asked: { readonly node: NodeId; readonly request: Request }[] = []
  const ask = async (node: NodeId, request: Request): Promise<Reply> => {
    asked.push({ node, request })
    const reply = node === parts.routing.self ? await own(request) : answer(node, request)
    if (reply === null) throw new Error('no answer')
    return reply
  }
  const own = async (request: Request): Promise<Reply> => {
    if (request.type !== 'put') return { type: 'reconciled', body: new Uint8Array(0) }
    await parts.replica.take([{ key: request.key, record: request.delta, hintFor: request.hintFor }], 'relaxed')
    return { type: 'stored', standing: request.hintFor.length === 0 ? 'owner' : 'hint' }
  }
  const transport = {
    self: '1'.repeat(16) as PeerId,
    start: () => {},
    met: async () => {},
    want: () => {},
    introduced: () => {},
    listen: () => {},
    send: async () => {},
    drop: () => {},
    close: () => {},
  }
  class Everybody extends Peers {
    override isReachable(): boolean {
      return true
    }
    override async request(node: NodeId, body: Request): Promise<Reply> {
      return ask(node, body)
    }
  }
  const hello = {
    protocolVersion: 1,
    cluster: '',
    n: 3,
    partitions: 1024,
    tokensPerNode: 64,
    graceMs: 600_000,
    retentionMs: 604_800_000,
    held: [],
    node: nodeName(1),
    boot: '' as ActorId,
  }
  const { routing, replica, events } = parts
  const peers = new Everybody(transport, systemClock, hello, new MemberList(claim(1), [], 0), routing)
  const writeStamp = new WriteStamp(
    systemClock,
    new HybridClock(systemClock),
    new DotMint(random, mintActor(random), 1_000),
  )
  const links = { sent: () => {} }
  const trace = new Trace(systemClock)
  const node = new Coordinator({ clock: systemClock, peers, routing, replica, events, trace, writeStamp, links })
  node.ask = ask
  return { node, asked, ...parts }
}

describe('a put that some do not answer', () => {
  const two = { demand: { nodes: 2, primaries: 0, devices: 1 }, timeoutMs: 1000, id: 1 }
  const stored: Reply = { type: 'stored', standing: 'owner' }

  test('is kept by its coordinator for the owner that nobody stands in for, also when w was reached', async () => {
    const answering = new Set<NodeId>()
    const { node, replica, routing } = coordination(6, (id) => (answering.has(id) ? stored : null))
    const key = keyThat(routing, 'not owned')
    const [silent, ...others] = routing.ownersOf(partitionOf(key)) as [NodeId, ...NodeId[]]
    for (const other of others) answering.add(other)
    const outcome = await write(node, key, written(1), two)
    expect(outcome.extent.nodes).toBe(2)
    await expect.poll(async () => [...(await replica.hints.owedTo(silent))]).toEqual([key])
  })

  test('is kept by its coordinator as its own record alone if it is an owner, and then no hint is counted', async () => {
    const { node, replica, routing } = coordination(3, () => null)
    const key = keyNamed('k')
    const outcome = await write(node, key, written(1), two)
    expect(outcome).toMatchObject({ extent: { nodes: 1 }, hinted: 0, isStored: true })
    expect(values((await replica.read(key)).record)).toEqual([1])
    expect([routing.owns(partitionOf(key)), replica.hints.size, replica.recordCount]).toEqual([true, 0, 1])
  })

  test('goes down the list with a hint for each owner that failed, and carries the same delta everywhere', async () => {
    const { node, asked, routing } = coordination(6, (id) =>
      routing.preferenceOf(keyNamed('k')).owners.includes(id) ? null : { type: 'stored', standing: 'hint' },
    )
    const { owners } = routing.preferenceOf(keyNamed('k'))
    const outcome = await write(node, keyNamed('k'), written(1), two)
    expect(outcome.extent.nodes).toBeGreaterThanOrEqual(2)
    const puts = asked.flatMap(({ request }) => (request.type === 'put' ? [request] : []))
    expect(new Set(puts.map((put) => JSON.stringify([...put.delta.history.actors]))).size).toBe(1)
    const hintedFor = puts.flatMap((put) => put.hintFor)
    for (const owner of owners.filter((id) => id !== routing.self)) expect(hintedFor).toContain(owner)
  })

  test('does not count a device that only keeps it until an owner elsewhere has it too', async () => {
    const answering = new Set<NodeId>()
    const { node, routing } = coordination(
      4,
      (id) => (answering.has(id) ? { type: 'stored', standing: 'owner' } : null),
      2,
    )
    const device = (id: NodeId) => routing.deviceOf(id)
    // This node stands in for the first of its owners, whose device the last one shares, which answers.
    const key = Array.from({ length: 1000 }, (_, index) => keyNamed(`key ${index}`)).find((name) => {
      const [first, , last] = routing.ownersOf(partitionOf(name)).map(device)
      return !routing.owns(partitionOf(name)) && first === last && first !== device(routing.self)
    }) as StoredKey
    const last = routing.ownersOf(partitionOf(key)).at(-1) as NodeId
    answering.add(last)
    const outcome = await write(node, key, written(1), two)
    expect(outcome).toMatchObject({ extent: { nodes: 2, devices: 1 }, hinted: 1 })
  })

  test('and that this node cannot keep either fails as its disk does', async () => {
    const { node, replica } = coordination(3, () => null)
    replica.take = () => Promise.reject(new StoreFailure('full', 'the quota is used up'))
    const { isStored, failure } = await write(node, keyNamed('k'), written(1), two)
    expect(isStored).toBe(false)
    expect(putFailed(failure)).toMatchObject({ code: 'storage-full', changed: 'unknown' })
  })

  test('that reaches nobody is kept by its coordinator, for all owners', async () => {
    const { node, replica, routing } = coordination(6, () => null)
    const key = keyThat(routing, 'not owned')
    const outcome = await write(node, key, written(1), two)
    expect(outcome).toMatchObject({ extent: { nodes: 1, primaries: 0 }, hinted: 1 })
    for (const owner of routing.ownersOf(partitionOf(key)))
      expect([...(await replica.hints.owedTo(owner))]).toEqual([key])
  })
})

test('a stand-in that holds a value counts for a read, also where its history has been forgotten; one that holds nothing does not', async () => {
  const forgotten: Record = { ...written(1), history: emptyHistory }
  const readWith = async (held: Record) => {
    const { node, routing } = coordination(6, (id) => {
      const isOwner = routing.preferenceOf(keyNamed('k')).owners.includes(id)
      const times = { horizon: hybridZero, floor: hybridZero }
      return isOwner ? null : { type: 'record', record: held, ...times, counts: 'as stand-in', sources: [] }
    })
    const demand = { nodes: 2, primaries: 0, devices: 0 }
    return read(node, keyNamed('k'), { demand, atLeast: blindContext, timeoutMs: 1000, id: 1 })
  }
  expect(await readWith(forgotten)).toMatchObject({ quorum: true })
  expect(await readWith({ ...emptyRecord, history: forgotten.history })).toMatchObject({ quorum: false })
})

test('read repair brings up to date exactly the owners that are behind, this node included', async () => {
  const delivered: NodeId[] = []
  const { node, replica, routing } = coordination(3, (id, request) => {
    if (request.type === 'deliver') delivered.push(id)
    return { type: 'reconciled', body: new Uint8Array(0) }
  })
  const key = keyNamed('k')
  const answers = new Map([
    [nodeName(1), { record: emptyRecord }],
    [nodeName(2), { record: written(1) }],
    [nodeName(3), { record: emptyRecord }],
  ])
  await repairStale(node, key, routing.ownersOf(partitionOf(key)), answers, written(1), 1)
  expect(delivered).toEqual([nodeName(3)])
  expect(values((await replica.read(key)).record)).toEqual([1])
})

test('a value that expired long enough ago is given up by the scrub: its dot and digest stay, and no exchange finds a difference', async () => {
  const { wall, routing, replica, corrupt } = replicaFixture(3)
  const key = keyThat(routing, 'owned')
  const partition = partitionOf(key)
  const record = written(1, 7)
  const [sibling] = record.siblings as readonly [ValueSibling]
  const expiring = { ...record, siblings: [{ ...sibling, expiresAt: 5_000 }] }
  await replica.take([{ key, record: expiring, hintFor: [] }], 'relaxed')
  const version = (await replica.forest()).version(keyHashOf(key))
  wall.ms = 5_999
  expect(await replica.scrub(partition)).toBe(0)
  expect((await replica.read(key)).record).toEqual(expiring)
  wall.ms = 6_000
  expect(await replica.scrub(partition)).toBe(0)
  const left = (await replica.read(key)).record
  expect(left).toMatchObject({
    history: record.history,
    siblings: [{ kind: 'expired', dot: sibling.dot, expiresAt: 5_000 }],
  })
  expect((await replica.forest()).version(keyHashOf(key))).toEqual(version)
  // Whoever has it still may bring it back: by its clock it has not expired.
  await replica.take([{ key, record: expiring, hintFor: [] }], 'relaxed')
  expect((await replica.read(key)).record).toEqual(expiring)
  expect(corrupt).toEqual([])
})
