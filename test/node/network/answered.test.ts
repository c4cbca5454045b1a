/**
 * The answering side of exchanges: what it tells at the end of a session is of the moment at which that session began.
 */

import { expect, test } from 'vitest'
import { partitionOf } from '../../../src/core/hash.ts'
import type { HybridTime } from '../../../src/core/ids.ts'
import { partsOf } from '../../../src/node/storage-node.ts'
import { keyNamed } from '../../simulation/keys.ts'
import { nodeOf, virtualRing } from '../virtual-ring.ts'

test('terms that are heard slowly, of a session that was given up, do not take the place of the next session', async () => {
  const ring = await virtualRing({ nodes: 2 })
  const [asked, asking] = ring.world.places.map(nodeOf) as [ReturnType<typeof nodeOf>, ReturnType<typeof nodeOf>]
  const { exchange, progress } = partsOf(asked)
  const partition = partitionOf(keyNamed('k'))
  const body = new Uint8Array(0)
  const [first, second] = [2 ** 40, 2 ** 40 + 1]
  await ring.ahead(exchange.answer(asking.id, { type: 'reconcile', session: first, scope: [partition], body }))
  const floor = { is: 1_000 as HybridTime, of: [partition] }
  const terms = { received: [], floors: [floor] }
  // The disk takes its time; meanwhile the other has given up, and begun anew.
  const heard = exchange.hear(asking.id, { type: 'terms', session: first, of: [partition], terms })
  const again = exchange.answer(asking.id, { type: 'reconcile', session: second, scope: [partition], body })
  await ring.ahead(Promise.all([heard, again]))
  const nothing = progress.accountOf([], progress.begin(null), () => true)
  const end = { type: 'settled', session: second, partitions: [], back: [partition], account: nothing } as const
  expect(exchange.settledBy(asking.id, end).kept).toHaveLength(1)
})
