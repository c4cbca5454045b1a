/**
 * Merging claims is a join: any order, any repetition, the same view.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DeviceId, NodeId, PeerId } from '../../../src/core/ids.ts'
import {
  type Claim,
  claimsOf,
  compareClaims,
  failureDomain,
  type MemberView,
  memberStatuses,
  mergeClaims,
  needsGuests,
  storageStates,
} from '../../../src/core/membership/claims.ts'

const node = (index: number) => index.toString(16).padStart(32, '0') as NodeId
const claims: fc.Arbitrary<Claim> = fc.record({
  node: fc.nat(3).map(node),
  peer: fc.constantFrom('0'.repeat(16), '1'.repeat(16)).map((name) => name as PeerId),
  speaks: fc.integer({ min: 1, max: 2 }),
  device: fc.constantFrom('a', 'b').map((name) => name as DeviceId),
  capacity16ths: fc.integer({ min: 1, max: 3 }),
  guest: fc.boolean(),
  settled: fc.boolean(),
  storage: fc.constantFrom(...storageStates),
  incarnation: fc.nat(3),
  status: fc.constantFrom(...memberStatuses),
})
const lists = fc.array(claims, { maxLength: 12 })
const nobody: MemberView = new Map()

test('merging is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(lists, lists, lists, (a, b, c) => {
      const view = (...parts: readonly (readonly Claim[])[]) => claimsOf(parts.reduce<MemberView>(mergeClaims, nobody))
      expect(view(a, b)).toEqual(view(b, a))
      expect(view(a, view(b, c))).toEqual(view(view(a, b), c))
      expect(view(a, a)).toEqual(view(a))
    }),
    { numRuns: 1000 },
  )
})

test('a ring can do without its guests once those who have stayed, and are not out, are on n devices', () => {
  const member = (index: number, device: string, guest: boolean, status: Claim['status'] = 'alive'): Claim => ({
    ...claim(status, 1),
    node: node(index),
    device: device as DeviceId,
    guest,
  })
  const needs = (...members: readonly Claim[]) => needsGuests(mergeClaims(nobody, members), 3)
  const two = [member(1, 'a', false), member(2, 'b', false), member(3, 'b', false)]
  expect(needs()).toBe(true)
  expect(needs(...two, member(4, 'c', true))).toBe(true)
  expect(needs(...two, member(4, 'c', false, 'out'))).toBe(true)
  expect(needs(...two, member(4, 'c', false, 'dead'))).toBe(false)
  expect(failureDomain(member(1, 'a', true))).toBe(failureDomain(member(2, 'b', true)))
  expect(failureDomain(member(1, 'a', false))).not.toBe(failureDomain(member(2, 'b', false)))
})

const claim = (status: Claim['status'], incarnation: number): Claim => ({
  node: node(1),
  peer: '0'.repeat(16) as PeerId,
  device: 'd' as DeviceId,
  capacity16ths: 16,
  guest: false,
  settled: true,
  storage: 'ok',
  speaks: 1,
  incarnation,
  status,
})

test.each([
  ['a newer incarnation beats a graver status', claim('alive', 2), claim('dead', 1)],
  ['of one incarnation the graver status holds', claim('suspect', 1), claim('alive', 1)],
  ['leaving is for good', claim('left', 1), claim('alive', 9)],
])('%s', (_name, winner, loser) => {
  expect(compareClaims(winner, loser)).toBeGreaterThan(0)
  expect(compareClaims(loser, winner)).toBeLessThan(0)
})

test('what is no news leaves the view as it is, the very object', () => {
  const view = mergeClaims(nobody, [claim('suspect', 3)])
  expect(mergeClaims(view, [claim('alive', 3), claim('suspect', 3), claim('dead', 2)])).toBe(view)
})
