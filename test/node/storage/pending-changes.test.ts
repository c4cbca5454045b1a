/**
 * What was decided and not heard of yet. Model: the list of all such changes, looked through each time.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partitionIn } from '../../../src/core/merkle/forest.ts'
import { PendingChanges } from '../../../src/node/storage/pending-changes.ts'

const hashOf = (key: number) => new Uint8Array(16).fill(key)
const nameOf = (key: number) => key.toString(16).padStart(2, '0').repeat(16)
const change = fc.record({ key: fc.nat(3), version: fc.option(fc.nat(9)) })
const step = fc.oneof(fc.array(change, { maxLength: 4 }), fc.nat(20))

test('it answers as the list of all pending changes would, whatever is decided and heard of', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const pending = new PendingChanges()
      let model: { readonly order: number; readonly key: number; readonly version: number | null }[] = []
      const orders = new Set<number>()
      for (const [order, taken] of steps.entries()) {
        if (typeof taken === 'number') {
          pending.delete(taken)
          orders.delete(taken)
          model = model.filter((each) => each.order !== taken)
          continue
        }
        // Of a key that one commit changes twice the last counts.
        const last = new Map(taken.map(({ key, version }) => [key, version]))
        const changes = taken.map(({ key, version }) => ({
          hash: hashOf(key),
          version: version === null ? null : Uint8Array.of(version),
        }))
        pending.add(order, changes, 100 + order)
        orders.add(order)
        model = [...model, ...[...last].map(([key, version]) => ({ order, key, version }))]
      }
      expect(pending.size).toBe(orders.size)
      expect(pending.openSince).toBe(orders.size === 0 ? null : 100 + Math.min(...orders))
      expect(pending.first).toBe(Math.min(Number.POSITIVE_INFINITY, ...orders))
      for (let key = 0; key < 4; key += 1) {
        const versions = model.filter((each) => each.key === key).map(({ version }) => version)
        expect(pending.versionsOf(nameOf(key)).map((version) => version?.[0] ?? null)).toEqual(versions)
        expect(pending.concerns(partitionIn(hashOf(key)))).toBe(versions.length > 0)
      }
    }),
  )
})
