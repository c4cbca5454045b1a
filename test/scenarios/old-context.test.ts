/**
 * Old context: a tab that is cut off for longer than the retention puts keys. The others read them, find nothing, and
 * say up to when they may have forgotten; with what that told them they put the same keys. Then all are together again.
 *
 * A rule by which a context covers all up to such a time loses every put of the tab: its writers had seen none of them.
 */
import { expect, test } from 'vitest'
import { keepApart, nodeOf } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { listenedRing, namesOf } from './scene.ts'

const retentionMs = 240_000
const names = namesOf('key', 10)

test('a put that was made with the context of an empty read replaces nothing that its reader never saw', async () => {
  const ring = await listenedRing({ nodes: 4, retentionMs, graceMs: 30_000, stayMs: 10_000 })
  const { world, clock, ahead } = ring
  const [here, , , alone] = world.places as [Place, Place, Place, Place]
  await clock.run(2 * retentionMs)
  keepApart(world, [[0, 1, 2], [3]])
  await clock.run(40_000)
  for (const name of names) await ahead(nodeOf(alone).put(name, null, `alone ${name}`))
  await clock.run(3 * retentionMs)
  for (const name of names) {
    const { values, context } = await ahead(nodeOf(here).get(name))
    expect(values).toEqual([])
    expect(context).not.toBeNull()
    await ahead(nodeOf(here).put(name, context, `here ${name}`))
  }
  world.network.reunite()
  await clock.run(180_000)
  for (const { node } of world.serving)
    for (const name of names)
      expect([...(await ahead(node.get(name))).values].sort()).toEqual([`alone ${name}`, `here ${name}`])
  expect([...new Set(ring.late.map(({ key }) => key))].sort()).toEqual([...names].sort())
})
