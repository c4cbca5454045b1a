/**
 * Moved while old: ownership of values older than the retention moves to nodes that are not in sync yet. They raise
 * their floors before the rows come, so that they seem to have forgotten what they never had. On virtual time.
 */
import { expect, test } from 'vitest'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { StoreFailure } from '../../src/ports.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'
import { namesOf } from './scene.ts'

const names = namesOf('key', 60)

test('a value older than the retention is read while its new owners have no room for it', async () => {
  let isFull = false
  const serving = (node: StorageNode) => {
    if (!isFull) return
    const { replica } = partsOf(node)
    const take = replica.take.bind(replica)
    replica.take = (incoming, durability, asked, coming) =>
      coming?.origin === 'exchanged'
        ? Promise.reject(new StoreFailure('full', 'there is no room'))
        : take(incoming, durability, asked, coming)
  }
  const ring = await virtualRing({ nodes: 3, retentionMs: 20_000, stayMs: 1_000 }, { serving })
  const { world, clock, ahead, come } = ring
  const [first] = world.places as [Place]
  for (const name of names) await ahead(nodeOf(first).put(name, null, name))
  await clock.run(300_000)
  isFull = true
  for (const device of ['fourth', 'fifth', 'sixth']) await come(device)
  await clock.run(60_000)
  const newOwners = world.places.slice(3).map((place): string => nodeOf(place).id)
  const ownersOf = (name: string) => nodeOf(first).placement(name).owners
  expect(names.some((name) => ownersOf(name).every((owner) => newOwners.includes(owner)))).toBe(true)
  for (const name of names) expect(await ahead(nodeOf(first).get(name))).toMatchObject({ values: [name], quorum: true })
}, 60_000)
