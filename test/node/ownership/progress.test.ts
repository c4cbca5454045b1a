/**
 * What a node has received of others, and others of it: what a session tells, what an owner takes over, and what a loss
 * takes away.
 */

import { describe, expect, test } from 'vitest'
import type { HybridTime, NodeId, Partition } from '../../../src/core/ids.ts'
import { mergeClaims } from '../../../src/core/membership/claims.ts'
import { ByteWriter } from '../../../src/core/wire/bytes.ts'
import type { Account } from '../../../src/core/wire/messages.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { formerForgettingRow, Progress, progressRow } from '../../../src/node/ownership/progress.ts'
import { Routing } from '../../../src/node/ownership/routing.ts'
import { encodeKeyedRecord, keyedRecordIn } from '../../../src/node/storage/rows.ts'
import { systemClock } from '../../../src/system-clock.ts'
import { claimOf as claim, nodeName as name } from '../../members.ts'
import { keyNamed } from '../replica-fixture.ts'
import { written } from '../written.ts'

const partition = 7 as Partition
const boot = { number: 5, tag: 'aaaaaaaa', boots: new Map([[5, 'aaaaaaaa']]) }

/** Node 1 of three that own everything. */
async function replicaFixture(store = memoryStore()) {
  const routing = new Routing(name(1), mergeClaims(new Map(), [claim(1), claim(2), claim(3)]), 3)
  const saved = await store.read([progressRow, formerForgettingRow])
  return { store, progress: new Progress(store, systemClock, routing, { ms: 1_000 }, { boot, saved }) }
}

const session = (count: number) => ({ boot: 1, tag: 'bbbbbbbb', count })
const account = (count: number, horizon = 0): Account => ({
  session: session(count),
  clock: 0 as HybridTime,
  kept: [{ is: { horizon: horizon as HybridTime, received: new Map() }, of: [partition] }],
})
const toldOf = (progress: Progress, node: NodeId) =>
  progress.termsFor(node, [partition], progress.begin(null)).received[0]?.is.count

describe('a session', () => {
  test('counts on where something was stored since the last one, and only there', async () => {
    const { progress } = await replicaFixture()
    const first = progress.begin(null).session.count
    expect(progress.begin(null).session.count).toBe(first)
    expect(progress.stamp.count).toBe(first)
    expect(progress.begin(null).session.count).toBe(first + 1)
  })

  test('claims nothing that a transaction stores of which no word has come', async () => {
    const { progress } = await replicaFixture()
    const { count } = progress.stamp
    expect(progress.begin(count).session.count).toBe(count)
    expect(progress.begin(null).session.count).toBeGreaterThan(count)
  })

  test('tells what had been received when it began, whatever comes after', async () => {
    const { progress } = await replicaFixture()
    progress.received(name(2), [partition], progress.begin(null), account(3))
    const begun = progress.begin(null)
    progress.received(name(2), [partition], progress.begin(null), account(9))
    expect(progress.termsFor(name(2), [partition], begun).received[0]?.is.count).toBe(3)
    expect(toldOf(progress, name(2))).toBe(9)
  })
})

describe('what was received', () => {
  test('is not believed of a session in which something was lost', async () => {
    const { progress } = await replicaFixture()
    const begun = progress.begin(null)
    progress.lost(partition, 'lost')
    expect(progress.received(name(2), [partition], begun, account(3))).toEqual([])
    expect(toldOf(progress, name(2))).toBeUndefined()
  })

  test('is gone with a row of its partition, and so is the horizon; the floor stays until the rows go', async () => {
    const { progress } = await replicaFixture()
    progress.received(name(2), [partition], progress.begin(null), account(3, 50))
    await progress.save()
    expect([progress.horizonOf(partition), progress.floorOf(partition)]).toEqual([50, 50])
    progress.lost(partition, 'lost')
    expect(toldOf(progress, name(2))).toBeUndefined()
    expect([progress.horizonOf(partition), progress.floorOf(partition)]).toEqual([0, 50])
    progress.lost(partition, 'dropped')
    expect(progress.floorOf(partition)).toBe(0)
  })

  test('is there after a reload, with horizon and floor', async () => {
    const { store, progress } = await replicaFixture()
    progress.received(name(2), [partition], progress.begin(null), account(3, 50))
    await progress.save()
    const again = (await replicaFixture(store)).progress
    expect(toldOf(again, name(2))).toBe(3)
    expect([again.horizonOf(partition), again.floorOf(partition)]).toEqual([50, 50])
  })

  test('raises the floor before anything is taken in, and the horizon never', async () => {
    const { progress } = await replicaFixture()
    await progress.heard({ received: [], floors: [{ is: 30 as HybridTime, of: [partition] }] })
    expect([progress.horizonOf(partition), progress.floorOf(partition)]).toEqual([0, 30])
  })
})

test('a node holds all that is here until something changes after the session in which it was given', async () => {
  const { progress } = await replicaFixture()
  progress.changed(partition)
  const begun = progress.begin(null)
  progress.gave(name(2), [partition], begun)
  expect(progress.hasAll(name(2), partition)).toBe(true)
  expect(progress.hasAll(name(3), partition)).toBe(false)
  progress.changed(partition)
  expect(progress.hasAll(name(2), partition)).toBe(false)
})

describe('a database of version 0.1.0', () => {
  test('gives floors, and no horizon nor anything that was received', async () => {
    const store = memoryStore()
    const writer = new ByteWriter()
    const [promise, lookedAt] = [40, 0]
    for (const time of [promise, lookedAt, ...Array.from({ length: 1024 }, (_, at) => (at === partition ? 60 : 0))])
      writer.integer(time)
    const value = writer.done()
    await store.transact([], 'relaxed', () => ({ writes: [{ key: formerForgettingRow, value }], result: null }))
    const { progress } = await replicaFixture(store)
    expect([progress.horizonOf(partition), progress.floorOf(partition)]).toEqual([0, 60])
    expect(progress.floorOf(8 as Partition)).toBe(40)
    expect(toldOf(progress, name(2))).toBeUndefined()
  })

  test('has rows without a stamp, which count as not received', () => {
    const stored = { key: keyNamed('k'), version: new Uint8Array(16), record: written(1), stamps: new Map() }
    const read = keyedRecordIn(encodeKeyedRecord(stored), () => {})
    expect(read).toEqual(stored)
  })
})
