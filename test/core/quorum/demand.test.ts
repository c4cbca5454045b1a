/**
 * What a get or put comes to, in every mix of answers. Nodes are named by their device and a number.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { extentOf, meets, shortfall } from '../../../src/core/quorum/demand.ts'

const owners = ['a1', 'b1', 'c1'] as NodeId[]
const extent = (copies: Readonly<Record<string, readonly string[]>>) =>
  extentOf(new Map(Object.entries(copies)) as never, owners, (node) => node[0])

describe('of the owners a1, b1 and c1', () => {
  test.each([
    ['nobody has answered', {}, [0, 0, 0]],
    ['all owners hold it', { a1: [], b1: [], c1: [] }, [3, 3, 3]],
    ['one owner, and a hint for another', { a1: [], d1: ['b1'] }, [2, 1, 2]],
    ['a hint for the owner that has it already goes home to it', { a1: [], d1: ['a1'] }, [1, 1, 1]],
    ['two hints for one owner end as one copy', { d1: ['a1'], e1: ['a1'] }, [1, 0, 1]],
    ['two hints for two owners', { d1: ['a1'], e1: ['b1'] }, [2, 0, 2]],
    ['two tabs of one device, neither of them an owner by this view', { d1: [], d2: [] }, [2, 0, 1]],
    ['an owner that holds it for others too is one owner', { a1: [], b1: ['c1'] }, [2, 1, 2]],
  ] as const)('%s', (_, copies, [nodes, primaries, devices]) => {
    expect(extent(copies)).toEqual({ nodes, primaries, devices })
  })
})

const none = { nodes: 0, primaries: 0, devices: 0 }

test.each([
  [{ nodes: 2, primaries: 1, devices: 2 }, { nodes: 2, primaries: 0, devices: 1 }, true, ''],
  [{ nodes: 2, primaries: 1, devices: 2 }, { nodes: 3, primaries: 0, devices: 1 }, false, '2 of 3 nodes'],
  [{ nodes: 2, primaries: 1, devices: 2 }, { nodes: 2, primaries: 2, devices: 1 }, false, '1 of 2 owners'],
  [
    { nodes: 2, primaries: 0, devices: 1 },
    { nodes: 2, primaries: 1, devices: 2 },
    false,
    '0 of 1 owners, 1 of 2 devices',
  ],
  [none, none, true, ''],
])('what is there, %j, against what is demanded, %j', (there, demand, isMet, text) => {
  expect(meets(there, demand)).toBe(isMet)
  expect(shortfall(there, demand)).toBe(text)
})
