/**
 * When a node's answers count: after it has caught up, whatever kept it away. Method: the bookkeeping alone, with others in reach or not.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import { mergeClaims } from '../../src/core/membership/claims.ts'
import { allPartitions } from '../../src/core/partitioning/all-partitions.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { Ownership } from '../../src/node/ownership.ts'
import { Routing } from '../../src/node/routing.ts'
import { claimOf as claim, nodeName as name } from '../members.ts'

/** Node 1 of three, which own everything, with a disk on which it was in sync. */
function station() {
  const reachable = new Set<NodeId>([name(2), name(3)])
  const routing = new Routing(name(1), mergeClaims(new Map(), [claim(1), claim(2), claim(3)]), 3)
  const wasInSync = new Uint8Array(allPartitions.length).fill(3)
  const surroundings = { isReachable: (node: NodeId) => reachable.has(node), holds: () => true }
  const ownership = new Ownership(memoryStore(), routing, wasInSync, surroundings, () => {})
  const partition = allPartitions[7] ?? (0 as never)
  return { ownership, reachable, partition }
}

describe('a node that was away', () => {
  test('does not count, and names the others, until each of them has given what it has', () => {
    const { ownership, partition } = station()
    expect(ownership.counts(partition)).toBe(false)
    expect(ownership.sources(partition)).toEqual([name(2), name(3)])
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    expect(ownership.syncing).toEqual([])
  })

  test('has to catch up anew each time', () => {
    const { ownership, partition } = station()
    for (const node of [name(2), name(3)]) ownership.received(node, allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    ownership.doubt()
    expect(ownership.counts(partition)).toBe(false)
    expect(ownership.syncing).toHaveLength(allPartitions.length)
  })

  test('asks again also those who had given before it went away', () => {
    const { ownership, partition } = station()
    ownership.received(name(2), allPartitions)
    ownership.doubt()
    ownership.received(name(3), allPartitions)
    expect(ownership.counts(partition)).toBe(false)
  })

  test('waits for nobody who is not in reach, and counts where nobody is', () => {
    const { ownership, reachable, partition } = station()
    reachable.delete(name(3))
    ownership.received(name(2), allPartitions)
    expect(ownership.counts(partition)).toBe(true)
    ownership.doubt()
    expect(ownership.counts(partition)).toBe(false)
    reachable.clear()
    expect(ownership.counts(partition)).toBe(true)
  })
})
