/**
 * Deletes are remembered for the retention, and forgotten after: on virtual time, in rings where nothing fails but what
 * a test lets fail.
 */
import { expect, test } from 'vitest'
import { keyHashOf, partitionOf } from '../../../src/core/hash.ts'
import { wallOf } from '../../../src/core/versioning/hybrid-time.ts'
import { partsOf, type StorageNode } from '../../../src/node/storage-node.ts'
import { keyNamed } from '../../simulation/keys.ts'
import type { Place } from '../../simulation/world.ts'
import { keepApart, nodeOf, virtualRing } from '../virtual-ring.ts'

const retentionMs = 240_000
const names = Array.from({ length: 20 }, (_, index) => `key ${index}`)

/** Forgetting happens as partitions are scrubbed; a test scrubs those it writes to. */
async function scrub({ world, ahead }: Awaited<ReturnType<typeof virtualRing>>): Promise<void> {
  for (const { node } of world.serving)
    for (const name of names) await ahead(partsOf(node).replica.scrub(partitionOf(keyNamed(name))))
}

const recordsOf = async (node: StorageNode) =>
  partsOf(node).replica.records(names.map((name) => keyHashOf(keyNamed(name))))

test('a delete is remembered for the retention, and then nothing is left of it', async () => {
  const ring = await virtualRing({ nodes: 4, retentionMs })
  const { world, clock, ahead } = ring
  const [first] = world.places.map(nodeOf) as [StorageNode]
  for (const name of names) {
    const { context } = await ahead(first.put(name, null, name))
    await ahead(first.delete(name, context))
  }
  await clock.run(retentionMs / 2)
  await scrub(ring)
  for (const { node } of world.serving) expect((await ahead(recordsOf(node))).length).toBeGreaterThan(0)
  await clock.run(2 * retentionMs)
  await scrub(ring)
  await clock.run(60_000)
  for (const { node } of world.serving) {
    expect(await ahead(recordsOf(node))).toEqual([])
    expect(node.status().records).toBe(0)
    for (const name of names) expect((await ahead(node.get(name))).values).toEqual([])
  }
})

test('who was away for longer than the retention brings nothing back, and keeps what is alive', async () => {
  const ring = await virtualRing({ nodes: 4, retentionMs })
  const { world, clock, ahead } = ring
  const [first] = world.places.map(nodeOf) as [StorageNode]
  const contexts = new Map<string, Awaited<ReturnType<StorageNode['put']>>['context']>()
  for (const name of names) contexts.set(name, (await ahead(first.put(name, null, name))).context)
  const away = world.places[3] as Place
  await clock.run(120_000)
  world.crash(away)
  const isDeleted = (name: string) => names.indexOf(name) % 2 === 0
  for (const name of names.filter(isDeleted)) await ahead(first.delete(name, contexts.get(name) ?? null))
  await clock.run(4 * retentionMs)
  await scrub(ring)
  world.start(away)
  await clock.run(120_000)
  for (const { node } of world.serving)
    for (const name of names) expect((await ahead(node.get(name))).values).toEqual(isDeleted(name) ? [] : [name])
  const held = (await ahead(recordsOf(nodeOf(away)))).flatMap(({ record }) => record.siblings)
  expect(held.filter(({ kind }) => kind !== 'value')).toEqual([])
})

test('a node that leaves takes along nothing that is older than the retention, and nothing of it is written anew', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 5, retentionMs })
  const [first, ...others] = world.places.map(nodeOf) as [StorageNode, ...StorageNode[]]
  for (const name of names) await ahead(first.put(name, null, name))
  await clock.run(3 * retentionMs)
  const late: string[] = []
  for (const { node } of world.serving) node.on('late', ({ key }) => late.push(key))
  const horizons = names.map((name) =>
    partsOf(others[0] as StorageNode).progress.horizonOf(partitionOf(keyNamed(name))),
  )
  expect(Math.max(...horizons)).toBeGreaterThan(0)
  let hasLeft = false
  void first.leave().then(() => {
    hasLeft = true
  })
  // While it hands over, is gone, and others take its place.
  for (let round = 0; round < 40; round += 1) {
    for (const node of others) for (const name of names) expect((await ahead(node.get(name))).values).toEqual([name])
    await clock.run(hasLeft ? 2_000 : 1)
  }
  expect(hasLeft).toBe(true)
  expect(late).toEqual([])
})

test('what a tab took while it was cut off for longer than the retention is there as it was written, and applications hear of it', async () => {
  const ring = await virtualRing({ nodes: 4, retentionMs, graceMs: 30_000 })
  const { world, clock, ahead } = ring
  const alone = world.places[3] as Place
  for (const { index } of world.places.slice(0, 3)) {
    world.network.sever(index, alone.index)
    world.network.sever(alone.index, index)
  }
  await clock.run(20_000)
  const late: string[] = []
  for (const { node } of world.serving) node.on('late', ({ key, values }) => late.push(`${key}: ${values}`))
  for (const name of names) expect(await ahead(nodeOf(alone).put(name, null, name))).toMatchObject({ quorum: false })
  // Not so long before the others come back that it would have been given up.
  const expiresAt = new Date(partsOf(nodeOf(alone)).ports.clock.wall() + 4 * retentionMs - 1_000)
  await ahead(nodeOf(alone).put('passing', null, 'of nobody by then', { expiresAt }))
  await clock.run(4 * retentionMs)
  world.network.reunite()
  await clock.run(180_000)
  for (const { node } of world.serving) {
    expect(node.status().hints).toBe(0)
    for (const name of names) expect((await ahead(node.get(name))).values).toEqual([name])
  }
  // Each owner that takes a write in tells of it; what has expired is a delete by now, and no news.
  expect([...new Set(late)].sort()).toEqual(names.map((name) => `${name}: ${name}`).sort())
})

test('a member that is away is waited for, for one retention, also when others own what it did', async () => {
  const { world, clock } = await virtualRing({ nodes: 4, retentionMs, graceMs: 10_000, stayMs: 20_000 })
  const away = world.places[3] as Place
  await clock.run(retentionMs)
  world.close(away)
  const leftAt = partsOf(nodeOf(world.places[0] as Place)).ports.clock.wall()
  const latest = () =>
    Math.max(
      ...world.serving.flatMap(({ node }) =>
        partsOf(node)
          .routing.ownedBy(node.id)
          .map((partition) => wallOf(partsOf(node).progress.horizonOf(partition))),
      ),
    )
  await clock.run(0.8 * retentionMs)
  // As it looks around now and then, it may have seen that one a step before it went.
  expect(latest()).toBeLessThanOrEqual(leftAt - retentionMs)
  await clock.run(0.5 * retentionMs)
  expect(latest()).toBeGreaterThan(leftAt - retentionMs)
})

test('who was away for a moment is not waited for any longer once it is back, however short the boots of others are', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 4, retentionMs })
  const [restless, away] = world.places as [Place, Place]
  const [partition] = partsOf(nodeOf(restless)).routing.ownedBy(nodeOf(restless).id)
  if (partition === undefined) throw new Error('it owns something')
  const bootMs = 4_000
  const reboot = async () => {
    world.close(restless)
    world.start(restless)
    await clock.run(bootMs)
  }
  world.close(away)
  await clock.run(bootMs)
  await ahead(partsOf(nodeOf(restless)).forgetting.look())
  world.start(away)
  for (let boot = 0; boot < 45; boot += 1) await reboot()
  const behindMs =
    partsOf(nodeOf(restless)).ports.clock.wall() - wallOf(partsOf(nodeOf(restless)).progress.horizonOf(partition))
  // A dozen steps, each a thirtieth of the retention.
  expect(behindMs).toBeLessThan(retentionMs * 1.4)
}, 60_000)

test('the history of a key that 400 boots write, over twice the retention, stays within what one retention wrote', async () => {
  const boots = 400
  const ring = await virtualRing({ nodes: 4, retentionMs: 2_000_000 })
  const { world, clock, ahead } = ring
  const writer = world.places[0] as Place
  const pauseMs = (2 * 2_000_000) / boots
  let most = 0
  for (let boot = 0; boot < boots; boot += 1) {
    while (writer.boot?.node === undefined) await clock.run(10)
    const node = nodeOf(writer)
    const { context } = await ahead(node.get('hot'))
    await ahead(node.put('hot', context, boot))
    const [other] = world.serving.filter(({ place }) => place !== writer)
    if (other === undefined) throw new Error('the others serve')
    most = Math.max(most, (await ahead(partsOf(other.node).replica.read(keyNamed('hot')))).record.history.actors.size)
    world.close(writer)
    world.start(writer)
    await clock.run(pauseMs - 200)
  }
  expect(most).toBeGreaterThan(boots / 8)
  // And what came while they agreed on it.
  expect(most).toBeLessThanOrEqual((boots / 2) * 1.3)
})

test('what a write replaced is not shown beside the next write of its client, also where only that one has come', async () => {
  const { world, clock, ahead } = await virtualRing({ nodes: 4, retentionMs })
  const [asked] = world.places as [Place]
  const [name = ''] = names.filter((each) => !partsOf(nodeOf(asked)).routing.owns(partitionOf(keyNamed(each))))
  const [owner, other, writer] = world.places.slice(1) as [Place, Place, Place]
  await ahead(nodeOf(writer).put(name, null, 'old', { w: 3 }))
  await clock.run(3 * retentionMs)
  expect(partsOf(nodeOf(owner)).progress.horizonOf(partitionOf(keyNamed(name)))).toBeGreaterThan(0)
  keepApart(world, [[asked.index, owner.index], [other.index], [writer.index]])
  const { context } = await ahead(nodeOf(writer).get(name, { timeoutMs: 100 }))
  const { context: after } = await ahead(nodeOf(writer).put(name, context, 'new', { timeoutMs: 100 }))
  await ahead(nodeOf(asked).delete(name, after, { timeoutMs: 100 }))
  world.crash(writer)
  world.crash(asked)
  world.network.reunite()
  expect(await ahead(nodeOf(other).get(name, { r: 2, pr: 2 }))).toMatchObject({ values: [], quorum: true })
})
