/**
 * The hash of a member list is kept up change by change; it says what a hash of the whole list would.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { type Claim, isPlaced, memberStatuses, storageStates } from '../../../src/core/membership/claims.ts'
import { MemberList } from '../../../src/core/membership/member-list.ts'
import { claimOf, nodeName } from '../../members.ts'

const claim = (index: number, change: Partial<Claim> = {}): Claim => ({ ...claimOf(index), ...change })

const claims = fc
  .record({
    index: fc.integer({ min: 1, max: 4 }),
    guest: fc.boolean(),
    settled: fc.boolean(),
    storage: fc.constantFrom(...storageStates),
    incarnation: fc.nat(3),
    status: fc.constantFrom(...memberStatuses),
  })
  .map(({ index, ...change }) => claim(index, change))
const lists = fc.array(claims, { maxLength: 12 })

const listOf = (taken: readonly Claim[]) => {
  const list = new MemberList(claim(0), [], 0)
  for (const each of taken) list.take(each, 'news', 0)
  return list
}
const placedOf = ({ view }: MemberList) =>
  JSON.stringify([...view.values()].filter(isPlaced).sort((a, b) => (a.node < b.node ? -1 : 1)))

test('lists have equal hashes exactly when they hold the same of all members that placement counts on', () => {
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const [left, right] = [listOf(a), listOf(b)]
      expect(left.hash === right.hash).toBe(placedOf(left) === placedOf(right))
    }),
    { numRuns: 1000 },
  )
})

test('a list that was remembered has the hash of the list it was', () => {
  fc.assert(
    fc.property(lists, (taken) => {
      const list = listOf(taken)
      const again = new MemberList(claim(0), [...list.view.values()], 0)
      expect(again.hash).toBe(list.hash)
    }),
  )
})

test('to forget who is out changes no hash', () => {
  const list = listOf([claim(1), claim(2), claim(2, { status: 'out' })])
  const before = list.hash
  list.forget(Number.MAX_SAFE_INTEGER)
  expect([...list.view.keys()]).toEqual([nodeName(0), nodeName(1)])
  expect(list.hash).toBe(before)
})

test('a member is overdue when its whole absence has lasted for the grace, whatever it was taken for meanwhile', () => {
  const list = listOf([claim(1), claim(2)])
  list.take(claim(1, { status: 'away' }), 'news', 1_000)
  list.take(claim(2, { status: 'dead' }), 'news', 2_000)
  list.take(claim(1, { status: 'dead' }), 'news', 9_000)
  expect(list.overdue(10_000, 10_999)).toEqual([])
  expect(list.overdue(10_000, 11_000).map((each) => each.node)).toEqual([nodeName(1)])
  list.take(claim(1, { incarnation: 2 }), 'news', 11_500)
  expect(list.overdue(10_000, 30_000).map((each) => each.node)).toEqual([nodeName(2)])
})

test('former members are forgotten after a week, and the longest gone before where there are many', () => {
  const list = listOf([])
  const part = (index: number, now: number) => {
    list.take(claim(index), 'news', now)
    list.take(claim(index, { status: 'out' }), 'news', now)
  }
  const many = bounds.membersMax / 2
  for (let index = 1; index <= many; index += 1) part(index, index)
  list.forget(many)
  expect([list.view.size, list.view.has(nodeName(1)), list.view.has(nodeName(2))]).toEqual([many, false, true])
  list.forget(bounds.formerMemberMs + 10)
  expect([list.view.has(nodeName(10)), list.view.has(nodeName(11))]).toEqual([false, true])
})
