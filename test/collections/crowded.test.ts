/**
 * More siblings of a typed key than the cap allows: owners join them, and nothing that was written is lost.
 */
import { expect, test } from 'vitest'
import { defineCollection } from '../../src/collections/define-collection.ts'
import { bounds } from '../../src/core/bounds.ts'
import { change, counter, fields, read, set } from '../../src/merge/merge.ts'
import type { NodeEvents } from '../../src/node/api/tabring-node.ts'
import { mergeMark } from '../../src/node/coordination/sibling-cap.ts'
import { ring, soon } from './memory-ring.ts'

interface Cart {
  readonly eggs: number
  readonly tags: readonly string[]
}
const type = fields<Cart>({ eggs: counter(), tags: set<string>() })
const Carts = defineCollection<Cart>('carts', { merge: type })
const count = bounds.siblingsMax + 6

/** A value of a writer that has seen no other. */
const blind = (index: number) =>
  change(type, [], {
    to: { eggs: 1, tags: [`tag ${index}`] },
    stamp: { actor: index.toString(16).padStart(16, '0'), time: 1_000 + index },
  })

test('a value that carries its merge state is known by its first item', () => {
  expect(blind(1)[0]).toBe(mergeMark)
})

test('siblings of a typed key beyond the cap are joined: each of them still counts, and the event tells', async () => {
  const all = await ring(4)
  const heard: NodeEvents['crowded'][] = []
  for (const node of all.nodes) node?.on('crowded', (event) => heard.push(event))
  for (const node of all.nodes) node?.collection(Carts)
  for (let index = 0; index < count; index += 1) await all.node(index % 4).put('raw', null, blind(index))
  await expect
    .poll(async () => (await all.node(1).get('raw')).values.length, soon)
    .toBeLessThan(count - bounds.siblingsMax + 2)
  const { values } = await all.node(2).get('raw')
  const cart = read(type, values)
  expect(cart?.eggs).toBe(count)
  expect(cart?.tags).toHaveLength(count)
  expect(heard[0]).toMatchObject({ key: 'raw', collection: '', group: null })
})

test('where no node has the code to join them, they are left alone, up to four times the cap', async () => {
  const all = await ring(3)
  for (let index = 0; index < count; index += 1) await all.node(index % 3).put('raw', null, blind(index))
  expect((await all.node(1).get('raw')).values).toHaveLength(count)
  // From the first collection on there are nodes that can. They try with the first write after a pause.
  for (const node of all.nodes) node?.collection(Carts)
  let written = count
  const siblings = async () => {
    await all.node(0).put('raw', null, blind(written))
    written += 1
    return (await all.node(1).get('raw')).values.length
  }
  await expect.poll(siblings, { ...soon, interval: 500 }).toBeLessThan(count)
  expect(read(type, (await all.node(1).get('raw')).values)?.eggs).toBe(written)
})
