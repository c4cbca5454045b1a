/**
 * Back after forgetting: a tab writes alone and is closed for longer than the retention. Meanwhile the others replace
 * what it wrote, whose context a client had brought along, and forget its name. Then the tab comes back and reads, before
 * any exchange has judged what it has.
 *
 * A read that joins its own old row shows the value that was replaced, unannounced. A client that then overwrites what
 * it read keeps the ring from ever telling it as late.
 */
import { expect, test } from 'vitest'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { nodeOf, virtualRing } from '../node/virtual-ring.ts'
import type { Place } from '../simulation/world.ts'

test('a value that was replaced and forgotten is read again only once it is told as late', async () => {
  const late: string[] = []
  let isHeldUp = false
  const serving = (node: StorageNode) => {
    const { exchange, ports } = partsOf(node)
    const run = exchange.run.bind(exchange)
    exchange.run = async (...of) => {
      if (isHeldUp) await new Promise<void>((resolve) => void ports.clock.after(3_000, resolve))
      return run(...of)
    }
    node.on('late', ({ key }) => late.push(key))
  }
  const sizes = { nodes: 3, retentionMs: 15_000, graceMs: 3_000, stayMs: 6_000 }
  const { world, clock, ahead } = await virtualRing(sizes, { serving })
  const [away, one, two] = world.places as [Place, Place, Place]
  world.close(one)
  world.close(two)
  await clock.run(1_000)
  const { context } = await ahead(nodeOf(away).put('k', null, 'v1', { timeoutMs: 500 }))
  world.close(away)
  world.start(one)
  world.start(two)
  await clock.run(8_000)
  await ahead(nodeOf(one).put('k', context, 'v2', { timeoutMs: 500 }))
  await clock.run(80_000)
  // A row forgets names when it changes.
  await ahead(nodeOf(one).put('k', null, 'v3'))
  await clock.run(1_000)
  isHeldUp = true
  world.start(away)
  const reads: unknown[] = []
  while (reads.length < 400 && late.length === 0) {
    await clock.run(5)
    if (away.boot?.node === undefined) continue
    const { values } = await ahead(nodeOf(away).get('k', { r: 2, timeoutMs: 300 }))
    reads.push(values.includes('v1') && late.length === 0 ? values : 'as it should be')
  }
  expect(reads.length).toBeGreaterThan(10)
  expect(new Set(reads)).toEqual(new Set(['as it should be']))
  await clock.run(60_000)
  expect(late).toContain('k')
  expect([...(await ahead(nodeOf(two).get('k'))).values].sort()).toEqual(['v1', 'v2', 'v3'])
})
