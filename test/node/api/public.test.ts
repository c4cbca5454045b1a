/**
 * An application sees the public methods of a node, and nothing of the house behind them.
 */
import { afterEach, expect, test } from 'vitest'
import { type MemoryCluster, openCluster } from '../../../src/memory/open-cluster.ts'

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

test('what is opened has the public methods, and nothing else', async () => {
  cluster = await openCluster({ nodes: 1 })
  const node = cluster.node(0)
  expect(Object.keys(node)).toEqual([])
  const methods = [
    'close',
    'collection',
    'delete',
    'get',
    'inspect',
    'joined',
    'leave',
    'members',
    'on',
    'placement',
    'presence',
    'put',
    'repair',
    'status',
    'trace',
  ]
  expect(Object.getOwnPropertyNames(Object.getPrototypeOf(node)).sort()).toEqual(
    ['constructor', 'id', ...methods].sort(),
  )
})
