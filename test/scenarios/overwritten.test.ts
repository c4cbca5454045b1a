/**
 * Overwritten: one device is closed for longer than the retention, and holds values that all their owners had received.
 * Meanwhile the others overwrite them, and forget their names. After that the device is opened again.
 *
 * Whatever brings the new value to it first joins it beside the old one. With one stamp for the whole row the old value
 * then counted as never received, came back for good, and was told as late: 10 of 10 values in a ring of three nodes,
 * 3 of 10 in one of four.
 */
import { expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../src/core/hash.ts'
import { dotName, names as hasName } from '../../src/core/versioning/causal-history.ts'
import type { Context } from '../../src/node/api/tabring-node.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import { dotNamed, keyNamed } from '../simulation/keys.ts'
import type { Place } from '../simulation/world.ts'
import { closeAll, namesOf, openAll, scrub } from './scene.ts'

const retentionMs = 240_000
const graceMs = 30_000
/** Longer than a grace, an exchange of every pair, and some steps of forgetting. */
const aWhileMs = 120_000
const keys = 10

/** A ring, and each value that any of its nodes told as late, with the node that did. */
async function listenedRing(nodes: number) {
  const late: { readonly by: string; readonly value: unknown }[] = []
  const serving = (node: StorageNode) =>
    void node.on('late', ({ values }) => late.push(...values.map((value) => ({ by: node.id, value }))))
  return { ...(await virtualRing({ nodes, retentionMs, graceMs, stayMs: 10_000 }, { serving })), late }
}

type Ring = Awaited<ReturnType<typeof listenedRing>>
/** Names that the last place owns, and the dot of the old value of each. */
type Dots = ReadonlyMap<string, string>

/** A ring whose owners all hold the old values. Half of the keys have a value beside it that only the last place has. */
async function before(nodes: number): Promise<{ readonly ring: Ring; readonly old: Dots }> {
  const ring = await listenedRing(nodes)
  const { world, clock, ahead } = ring
  const places = world.places as readonly Place[]
  const [first, last] = [places[0] as Place, places.at(-1) as Place]
  const isLasts = (name: string) => partsOf(nodeOf(last)).routing.owns(partitionOf(keyNamed(name)))
  const names = namesOf('note', 100).filter(isLasts).slice(0, keys)
  const old = new Map<string, string>()
  for (const name of names) {
    await ahead(put(nodeOf(first), name, null, 'old'))
    const { record } = await ahead(partsOf(nodeOf(last)).replica.read(keyNamed(name)))
    for (const { dot } of record.siblings) old.set(name, dotName(dot))
  }
  await clock.run(2 * aWhileMs)
  for (const { index } of places.filter((place) => place !== last)) {
    world.network.sever(index, last.index)
    world.network.sever(last.index, index)
  }
  await clock.run(aWhileMs)
  for (const name of names.filter(isBeside)) await ahead(put(nodeOf(last), name, null, 'alone'))
  await clock.run(1_000)
  closeAll(ring, [last])
  world.network.reunite()
  return { ring, old }
}

const isBeside = (name: string) => Number(name.split(' ')[1]) % 2 === 0

const put = (node: StorageNode, name: string, context: Context | null, what: string) =>
  node.put(name, context, `${name} ${what}`)

/** The others overwrite the old values, and forget their names. Resolves to the contexts of the new ones. */
async function overwrite({ world, clock, ahead, ...ring }: Ring, old: Dots): Promise<ReadonlyMap<string, Context>> {
  const contexts = new Map<string, Context>()
  const first = nodeOf(world.places[0] as Place)
  for (const name of old.keys()) {
    const { context } = await ahead(first.get(name))
    const written = await ahead(first.put(name, context, `${name} new`, { w: 2, pw: 2, strict: true }))
    contexts.set(name, written.context)
  }
  await clock.run(5 * retentionMs)
  await scrub({ world, clock, ahead, ...ring }, [...old.keys()])
  for (const { node } of world.serving) {
    const hashes = [...old.keys()].map((name) => keyHashOf(keyNamed(name)))
    const records = await ahead(partsOf(node).replica.records(hashes))
    expect(
      records.flatMap(({ record }) => [...old.values()].filter((dot) => hasName(record.history, dotNamed(dot)))),
    ).toEqual([])
  }
  return contexts
}

/** What each node reads of each key, where it is not as expected. */
async function misread({ world, ahead }: Ring, expected: ReadonlyMap<string, readonly string[]>) {
  const wrong: string[] = []
  for (const { place, node } of world.serving) {
    for (const [name, values] of expected) {
      const found = (await ahead(node.get(name, { pr: 2 }))).values
      if (JSON.stringify([...found].sort()) !== JSON.stringify(values)) wrong.push(`${found} at ${place.index}`)
    }
  }
  return wrong
}

/** What brings the new values to the device first, in the moments in which it is back. */
const ways: {
  readonly [way: string]: (ring: Ring, place: Place, contexts: ReadonlyMap<string, Context>) => Promise<void>
} = {
  'an exchange or a handover': async () => {},
  'a put through it': async ({ clock, ahead }, place, contexts) => {
    while (place.boot?.node === undefined) await clock.run(1)
    for (const [name, context] of contexts) await ahead(nodeOf(place).put(name, context, `${name} new`))
  },
  'a read repair': async ({ world, clock, ahead }, place, contexts) => {
    while (place.boot?.node === undefined) await clock.run(1)
    for (let round = 0; round < 20; round += 1) {
      for (const { node } of world.serving) await ahead(Promise.all([...contexts.keys()].map((name) => node.get(name))))
      await clock.run(5)
    }
  },
}

for (const way of Object.keys(ways)) {
  // With four nodes somebody else has owned in its place, and hands over.
  test.each([3, 4])(
    `what all had received stays overwritten, first brought by ${way}, in a ring of %i`,
    async (nodes) => {
      const { ring, old } = await before(nodes)
      const contexts = await overwrite(ring, old)
      const last = ring.world.places.at(-1) as Place
      openAll(ring, [last])
      await ways[way]?.(ring, last, contexts)
      await ring.clock.run(2 * aWhileMs)
      const alone = [...old.keys()].filter(isBeside).map((name) => `${name} alone`)
      const expected = new Map(
        [...old.keys()].map((name) => [name, isBeside(name) ? [`${name} alone`, `${name} new`] : [`${name} new`]]),
      )
      expect(await misread(ring, expected)).toEqual([])
      // What nobody had received is kept, and told. A former owner has forgotten what it received: where that hands over
      // first, the node that is back may tell too soon.
      const back = nodeOf(last).id
      const tellers = ring.late.filter(({ by }) => nodes === 3 || by !== back)
      expect([...new Set(tellers.map(({ value }) => value))].sort()).toEqual(alone.sort())
    },
  )
}
