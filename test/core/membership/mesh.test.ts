/**
 * In a mesh of any size everybody has few links, and any two have a neighbour in common. Method: all pairs, for many
 * sizes.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { Mesh } from '../../../src/core/membership/mesh.ts'

const linksMax = 48
const members = (count: number): readonly NodeId[] =>
  Array.from({ length: count }, (_, index) => (index * 7919).toString(16).padStart(32, '0') as NodeId)

describe('links', () => {
  test('up to 48 members are all linked to each other', () => {
    for (const count of [1, 2, 10, 48]) {
      const all = members(count)
      const mesh = new Mesh(all, linksMax)
      for (const self of all) expect(mesh.neighboursOf(self).size).toBe(count - 1)
    }
  })

  test('of more, each has at most 48 links, and both ends of a link know of it', () => {
    for (const count of [49, 64, 100, 257, 500]) {
      const all = members(count)
      const mesh = new Mesh(all, linksMax)
      const links = new Map(all.map((self) => [self, mesh.neighboursOf(self)]))
      for (const [self, neighbours] of links) {
        expect(neighbours.size).toBeLessThanOrEqual(linksMax)
        for (const neighbour of neighbours) expect(links.get(neighbour)?.has(self), `of ${count}`).toBe(true)
      }
    }
  })

  test('whoever is none of the members is linked to as if it were', () => {
    for (const count of [10, 100]) {
      const all = members(count)
      const [self, ...others] = all as [NodeId, ...NodeId[]]
      expect(new Mesh(others, linksMax).neighboursOf(self)).toEqual(new Mesh(all, linksMax).neighboursOf(self))
    }
  })

  test('any two that are not linked have a neighbour in common', () => {
    for (const count of [49, 64, 100, 257, 500]) {
      const all = members(count)
      const mesh = new Mesh(all, linksMax)
      const [self] = all as [NodeId]
      for (const target of all.slice(1)) {
        if (mesh.neighboursOf(self).has(target)) continue
        expect(mesh.relaysTo(self, target), `of ${count}`).not.toEqual([])
      }
    }
  })
})
