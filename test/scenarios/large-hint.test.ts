/**
 * A tab that is cut off writes one key again and again without reading it. On virtual time; messages are a thousandth
 * of their size.
 */

import { expect, test } from 'vitest'
import { bounds } from '../../src/core/bounds.ts'
import { partitionOf } from '../../src/core/hash.ts'
import type { StoredKey } from '../../src/core/ids.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { keyNamed } from '../node/replica-fixture.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'

const scale = 1_000
const value = (index: number) => `${index} `.padEnd(bounds.valueBytesMax / scale, 'x')
const puts = 100
const names = Array.from({ length: 100 }, (_, index) => `key ${index}`)

/**
 * A ring of five and a tab that is cut off from all others, and has made so many blind puts of a key it does not own.
 */
async function cutOffWriter(siblingsMax: number) {
  const ring = await virtualRing({ nodes: 5, siblingsMax, stayMs: 1_000 })
  const { world, clock, ahead, come } = ring
  world.network.messageBytesMax = bounds.messageBytesMax / scale
  const place = await come('writer')
  await clock.run(60_000)
  const writer = nodeOf(place)
  const key = names.find((name) => !partsOf(writer).routing.owns(partitionOf(keyNamed(name)))) ?? ''
  const cut = (from: number, to: number) => {
    world.network.cut(from, to)
    world.network.cut(to, from)
    world.network.disconnect(from, to)
  }
  for (const other of world.places) if (other !== place) cut(place.index, other.index)
  await clock.run(10_000)
  for (let index = 0; index < puts; index += 1) await ahead(writer.put(key, null, value(index)))
  return { ...ring, place, writer, key }
}

test('a hint of more values than a message carries is delivered when the tab is back, and the tab can leave', async () => {
  const { world, clock, ahead, writer, key, place } = await cutOffWriter(2 * puts)
  const stored: StoredKey = keyNamed(key)
  expect((await ahead(partsOf(writer).replica.read(stored))).record.siblings).toHaveLength(puts)
  world.network.heal()
  await clock.run(60_000)
  expect(writer.status().hints).toBe(0)
  const owners = world.serving.filter(({ node }) => partsOf(node).routing.owns(partitionOf(stored)))
  expect(owners).toHaveLength(3)
  for (const { node } of owners) {
    const { siblings } = (await ahead(partsOf(node).replica.read(stored))).record
    expect(siblings).toHaveLength(puts)
  }
  await ahead(writer.leave())
  place.gone = true
  expect(writer.status().state).toBe('left')
}, 60_000)

test('a hint has the sibling cap: nobody else is in reach to see to it, so its keeper does', async () => {
  const { world, clock, ahead, writer, key } = await cutOffWriter(64)
  const { record, hinted } = await ahead(partsOf(writer).replica.read(keyNamed(key)))
  expect(hinted).toBe(true)
  expect(record.siblings.length).toBeLessThanOrEqual(64)
  world.network.heal()
  await clock.run(60_000)
  expect(writer.status().hints).toBe(0)
  const reader = world.serving.find(({ node }) => node !== writer)?.node
  const { values, quorum } = await ahead((reader ?? writer).get<string>(key))
  expect(quorum).toBe(true)
  expect(values.length).toBe(record.siblings.length)
  expect(values).toContain(value(puts - 1))
  await ahead(writer.leave())
}, 60_000)
