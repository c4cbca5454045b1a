/**
 * When a node's answers count: after it has caught up, whatever kept it away. Method: the bookkeeping alone, with
 * others in reach or not.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { mergeClaims } from '../../../src/core/membership/claims.ts'
import { allPartitions } from '../../../src/core/partitioning/all-partitions.ts'
import { memoryStore } from '../../../src/memory/memory-store.ts'
import { Ownership } from '../../../src/node/ownership/ownership.ts'
import { Routing } from '../../../src/node/ownership/routing.ts'
import { claimOf as claim, nodeName as name } from '../../members.ts'

/** Node 1 of three, which own everything, with a disk on which it was in sync. */
function replicaFixture() {
  const reachable = new Set<NodeId>([name(2), name(3)])
  const routing = new Routing(name(1), mergeClaims(new Map(), [claim(1), claim(2), claim(3)]), 3)
  const wasInSync = new Uint8Array(allPartitions.length).fill(3)
  const isReachable = (node: NodeId) => reachable.has(node)
  const ownership = new Ownership(memoryStore(), routing, wasInSync, { now: () => 0 })
  ownership.isReachable = isReachable
  ownership.begin()
  const partition = allPartitions[7] ?? (0 as never)
  return { ownership, reachable, partition }
}

describe('a node that was away', () => {
  test('does not count, and names the others, until each of them has given what it has', () => {
    const { ownership, partition } = replicaFixture()
    expect(ownership.counts(partition)).toBe(false)
    expect(ownership.sources(partition)).toEqual([name(2), name(3)])
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    expect(ownership.syncing).toEqual([])
  })

  test('has to catch up anew each time', () => {
    const { ownership, partition } = replicaFixture()
    for (const node of [name(2), name(3)]) ownership.received(node, allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    ownership.doubt()
    expect(ownership.counts(partition)).toBe(false)
    expect(ownership.syncing).toHaveLength(allPartitions.length)
  })

  test('asks again also those who had given before it went away', () => {
    const { ownership, partition } = replicaFixture()
    ownership.received(name(2), allPartitions)
    ownership.doubt()
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
  })

  test('waits for nobody who is not in reach, and counts where nobody is', () => {
    const { ownership, reachable, partition } = replicaFixture()
    reachable.delete(name(3))
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    ownership.doubt()
    expect(ownership.counts(partition)).toBe(false)
    reachable.clear()
    expect(ownership.counts(partition)).toBe(true)
  })
})

/** Node 1, which owns everything with 2 and 3, in sync; node 4 comes, settled or not. */
function ringThatIsJoined(newcomer: { readonly settled: boolean }) {
  const claims = [claim(1), claim(2), claim(3)]
  const reachable = new Set<NodeId>([2, 3, 4].map(name))
  const routing = new Routing(name(1), mergeClaims(new Map(), claims), 4)
  const wasInSync = new Uint8Array(allPartitions.length).fill(3)
  const clock = { ms: 0, now: () => clock.ms }
  const isReachable = (node: NodeId) => reachable.has(node)
  const ownership = new Ownership(memoryStore(), routing, wasInSync, clock)
  ownership.isReachable = isReachable
  ownership.begin()
  for (const node of [2, 3]) ownership.received(name(node), allPartitions)
  const fourth = { ...claim(4), ...newcomer }
  routing.follow(mergeClaims(new Map(), [...claims, fourth]), [fourth])
  ownership.follow()
  const [partition, other] = allPartitions as unknown as [(typeof allPartitions)[0], (typeof allPartitions)[0]]
  return { ownership, reachable, clock, partition, other }
}

test('an owner that lost a row does not count until it has been compared with the others', () => {
  const { ownership, partition } = replicaFixture()
  for (const node of [name(2), name(3)]) ownership.received(node, allPartitions)
  ownership.lost(partition, 'lost')
  expect(ownership.counts(partition)).toBe(false)
  expect(ownership.syncing).toEqual([partition])
})

describe('an owner that meets somebody who was elsewhere', () => {
  test('does not count from the hello on, before the other has a place', () => {
    const { ownership, reachable, partition } = replicaFixture()
    for (const node of [name(2), name(3)]) ownership.received(node, allPartitions)
    reachable.add(name(4))
    ownership.met(name(4), [partition])
    expect(ownership.counts(partition)).toBe(false)
  })

  test('does not count until that one has given what it holds, and says so', () => {
    const { ownership, partition, other } = ringThatIsJoined({ settled: true })
    expect(ownership.counts(partition)).toBe(false)
    ownership.received(name(4), [partition])
    expect(ownership.counts(partition)).toBe(true)
    expect(ownership.counts(other)).toBe(false)
  })

  test('counts at once for what the other says that it holds no copy of', () => {
    const { ownership, partition, other } = ringThatIsJoined({ settled: true })
    ownership.met(name(4), [other])
    expect(ownership.counts(partition)).toBe(true)
    expect(ownership.counts(other)).toBe(false)
  })

  test('counts throughout where the other never held a copy of anything', () => {
    const { ownership, partition } = ringThatIsJoined({ settled: false })
    expect(ownership.counts(partition)).toBe(true)
  })

  test('waits for a while for one that there is no way to, and no longer', () => {
    const { ownership, reachable, clock, partition } = ringThatIsJoined({ settled: true })
    reachable.delete(name(4))
    expect(ownership.counts(partition)).toBe(false)
    clock.ms = 60_000
    expect(ownership.counts(partition)).toBe(true)
  })
})

describe('a new owner', () => {
  const fresh = () => {
    const reachable = new Set<NodeId>([name(2)])
    const claims = [{ ...claim(1), settled: false }, claim(2), claim(3)]
    const routing = new Routing(name(1), mergeClaims(new Map(), claims), 3)
    const isReachable = (node: NodeId) => reachable.has(node)
    const ownership = new Ownership(memoryStore(), routing, undefined, { now: () => 0 })
    ownership.isReachable = isReachable
    ownership.begin()
    return { ownership, reachable, partition: allPartitions[7] ?? (0 as never) }
  }

  test('counts once most of the former owners have given, and not because the others are out of reach', () => {
    const { ownership, reachable, partition } = fresh()
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
    reachable.add(name(3))
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
  })

  test('that lost a row counts once those who had given before have given again', () => {
    const { ownership, reachable, partition } = fresh()
    reachable.add(name(3))
    ownership.received(name(2), allPartitions)
    ownership.lost(partition, 'lost')
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
  })
})
