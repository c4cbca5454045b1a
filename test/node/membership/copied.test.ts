/**
 * A browser's profile was copied with its database, and a tab of each lives: one of the two becomes another node, and
 * nothing is lost.
 */

import { expect, test } from 'vitest'
import { partsOf } from '../../../src/node/storage-node.ts'
import type { Place } from '../../simulation/world.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`)

for (const nodes of [1, 5]) {
  test(`in a ring of ${nodes} they are told apart, and the one that gives way comes back as another node with what it held`, async () => {
    const { world, clock, ahead } = await virtualRing({ nodes })
    const original = world.places[0] as Place
    const name = nodeOf(original).id
    for (const key of keys) await ahead(nodeOf(original).put(key, null, `${key} before`))
    const copy = world.addPlace(original.device)
    copy.disk.restore(original.disk.rows)
    world.close(original)
    world.start(copy)
    await clock.run(2_000)
    expect(nodeOf(copy).id).toBe(name)
    // Alone with the name, the copy writes what the original has never heard of.
    for (const key of keys) {
      const { context } = await ahead(nodeOf(copy).get(key))
      await ahead(nodeOf(copy).put(key, context, `${key} after`))
    }
    const told: string[] = []
    const hear = (place: Place) => nodeOf(place).on('data-loss', ({ reason }) => told.push(reason))
    hear(copy)
    world.start(original)
    while (original.boot?.node === undefined) await clock.run(1)
    hear(original)
    await clock.run(60_000)
    expect(told).toEqual(['copied'])
    world.reopenEnded()
    await clock.run(60_000)
    const [one, other] = [nodeOf(original), nodeOf(copy)]
    expect([one.id, other.id]).toContain(name)
    expect(one.id).not.toBe(other.id)
    for (const node of [one, other]) {
      expect(node.status().state).toBe('open')
      expect(partsOf(node).membership.awake).toHaveLength(nodes + 1)
      for (const key of keys) expect((await ahead(node.get<string>(key))).values).toEqual([`${key} after`])
    }
  })
}
