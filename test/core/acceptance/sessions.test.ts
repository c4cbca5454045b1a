/**
 * What was received, told in sessions: also where a database was copied, or set back to a backup.
 */
import { expect, test } from 'vitest'
import { isReceived, nothingReceived, withReceived } from '../../../src/core/acceptance/sessions.ts'
import type { NodeId } from '../../../src/core/ids.ts'

const boots = new Map([
  [3, 'aaaaaaaa'],
  [4, 'bbbbbbbb'],
])
const session = (boot: number, tag: string, count: number) => ({ boot, tag, count })

test.each([
  ['a session of this boot, the row before it', session(4, 'bbbbbbbb', 7), { boot: 4, count: 6 }, true],
  ['a session of this boot, the row in it', session(4, 'bbbbbbbb', 7), { boot: 4, count: 7 }, false],
  ['a session of this boot, the row of an earlier one', session(4, 'bbbbbbbb', 1), { boot: 3, count: 99 }, true],
  ['a session of an earlier boot, the row of this one', session(3, 'aaaaaaaa', 99), { boot: 4, count: 1 }, false],
  ['a session of a boot that a copy of the database made', session(4, 'cccccccc', 7), { boot: 4, count: 1 }, false],
  ['a session of a boot after the backup', session(9, 'dddddddd', 7), { boot: 3, count: 1 }, false],
  ['a value that was stamped by nobody', session(4, 'bbbbbbbb', 7), undefined, false],
  ['no session at all', undefined, { boot: 3, count: 1 }, false],
] as const)('%s', (_, received, stamp, expected) => {
  expect(isReceived(received, stamp, boots)).toBe(expected)
})

test('a vector keeps the latest session of each node, and of so many nodes as are allowed the latest told', () => {
  const nodes = ['a', 'b', 'c'] as NodeId[]
  const [a, b, c] = nodes as [NodeId, NodeId, NodeId]
  const add = (vector: typeof nothingReceived, node: NodeId, count: number) =>
    withReceived(vector, node, session(1, 'aaaaaaaa', count), 2)
  const both = add(add(nothingReceived, a, 5), b, 5)
  expect(add(both, a, 4)).toBe(both)
  expect(add(both, a, 6).get(a)?.count).toBe(6)
  expect([...add(both, c, 1).keys()]).toEqual([b, c])
})
