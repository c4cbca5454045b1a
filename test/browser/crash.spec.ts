/**
 * A renderer that crashes runs no event: nothing was flushed on the way out, and the others are told by nobody.
 */
import { expect, type Profile, test } from './world.ts'

// Only Chromium crashes on demand; the Firefox of ring.spec.ts is killed.
test('a crashed tab loses nothing it acknowledged and comes back as the same node', { tag: '@chromium' }, async ({
  world,
}) => {
  const ring = await world.ring(['chromium', 'chromium', 'chromium'], { cluster: 'crash' })
  const [a, b] = ring as [Profile, Profile]
  const id = await a.run((node) => node.id, null)
  expect(await a.run(async (node) => (await node.put('kept', null, 'value')).quorum, null)).toBe(true)
  await a.crash()
  expect(await b.run(async (node) => (await node.get('kept', { r: 1 })).values, null)).toEqual(['value'])
  expect(await a.open({ cluster: 'crash', signaling: world.signaling.url })).toBe(id)
  await Promise.all(ring.map((profile) => profile.joined(3)))
  expect(await a.run((node) => node.get('kept'), null)).toMatchObject({ values: ['value'], quorum: true })
})
