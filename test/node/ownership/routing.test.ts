/**
 * Placement follows the member view, and says so once for each change of it.
 */
import { expect, test } from 'vitest'
import type { Claim } from '../../../src/core/membership/claims.ts'
import { Routing } from '../../../src/node/ownership/routing.ts'
import { claimOf } from '../../members.ts'

function aRouting(count: number) {
  const claims = Array.from({ length: count }, (_, index) => claimOf(index))
  const view = new Map(claims.slice(0, 1).map((claim) => [claim.node, claim]))
  const routing = new Routing(claimOf(0).node, new Map(view), 3)
  let announced = 0
  routing.onChanged = () => {
    announced += 1
  }
  const take = (list: readonly Claim[]) => {
    for (const claim of list) view.set(claim.node, claim)
    routing.follow(view, list)
  }
  return { routing, take, newcomers: claims.slice(1), announced: () => announced }
}

test('a list of thirty newcomers is one change of placement, and every one of them is placed by then', () => {
  const { routing, take, newcomers, announced } = aRouting(31)
  let placedThen = 0
  const { onChanged } = routing
  routing.onChanged = () => {
    onChanged()
    placedThen = routing.others.length
  }
  take(newcomers)
  expect(announced()).toBe(1)
  expect(placedThen).toBe(30)
})

test('a list with no news for placement is no change of it', () => {
  const { take, newcomers, announced } = aRouting(3)
  take(newcomers)
  take(newcomers.map((claim) => ({ ...claim, status: 'suspect' })))
  expect(announced()).toBe(1)
})

test('a claim that comes alone is announced at once', () => {
  const { take, newcomers, announced } = aRouting(3)
  for (const claim of newcomers) take([claim])
  expect(announced()).toBe(2)
})

test('two nodes that place every key alike have the same hash, whatever each has seen on the way', () => {
  const [one, other] = [aRouting(4), aRouting(4)]
  one.take(one.newcomers)
  expect(other.routing.hash).not.toBe(one.routing.hash)
  for (const claim of other.newcomers) other.take([claim])
  expect(other.routing.hash).toBe(one.routing.hash)
  const [first] = one.newcomers as [Claim]
  other.take([{ ...first, status: 'out' }])
  expect(other.routing.hash).not.toBe(one.routing.hash)
  other.take([{ ...first, status: 'away', incarnation: 2 }])
  expect(other.routing.hash).toBe(one.routing.hash)
})
