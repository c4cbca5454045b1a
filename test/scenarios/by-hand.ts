/**
 * What scenarios add to a ring on virtual time: a node on a store of the test's own, and nodes that are slow to answer.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { DeviceId, PeerId } from '../../src/core/ids.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import type { KeyPlacement } from '../../src/node/api/tabring-node.ts'
import { partsOf, StorageNode } from '../../src/node/storage-node.ts'
import { type Store, StoreFailure } from '../../src/ports.ts'
import type { virtualRing } from '../node/virtual-ring.ts'
import { Chance } from '../simulation/chance.ts'

type Ring = Awaited<ReturnType<typeof virtualRing>>

/** As long as browsers' databases are waited for. */
const hangMs = 10_000

/** A store that can be told to hang, to fail, to take its time, or to work again. */
export function failingStore(inner: Store, ring: Ring) {
  const state = { how: 'works' as 'works' | 'hangs' | 'fails', delayMs: 0 }
  const pass = (ms: number) => new Promise<void>((resolve) => ring.clock.after(ms, resolve))
  const failing = async <T>(work: () => Promise<T>): Promise<T> => {
    if (state.delayMs > 0) await pass(state.delayMs)
    if (state.how === 'works') return work()
    if (state.how === 'hangs') await pass(hangMs)
    throw new StoreFailure('failed', `this store ${state.how}`)
  }
  const store: Store = {
    ...inner,
    transact: (keys, durability, decide) => failing(() => inner.transact(keys, durability, decide)),
    read: (keys) => failing(() => inner.read(keys)),
    scan: (range) => failing(() => inner.scan(range)),
  }
  return { store, state }
}

let opened = 0

/** A node of the ring on a store of its own; `adopter`: the node that has it hand everything over. */
export async function openByHand(ring: Ring, store: Store, adopter: StorageNode | null = null): Promise<StorageNode> {
  opened += 1
  const { clock, world } = ring
  const chance = new Chance(1_000 + opened, 'nodes')
  const gate = (task: () => void) => task()
  const peer = bytesToHex(chance.random.bytes(8)) as PeerId
  const ports = {
    clock: clock.seenBy(gate, { skewMs: 0, alignMs: 0 }),
    random: chance.random,
    store,
    transport: world.network.transport(peer, 1_000 + opened, gate, () => true),
    lifecycle: { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} },
  }
  const { graceMs, stayMs, retentionMs } = world.options
  const config = { ...checkConfig({ cluster: 'simulation', graceMs }), stayMs, retentionMs }
  const node = await ring.ahead(
    StorageNode.open(ports, config, `device by hand ${opened}` as DeviceId, undefined, adopter),
  )
  await clock.run(10_000)
  return node
}

/** Lets a node take so long for each get and put of another, until it is set to 0. */
export function slowed(ring: Ring, node: StorageNode, delayMs: number) {
  const state = { delayMs }
  const { on } = partsOf(node).peers
  const serve = on.request
  on.request = async (from, request) => {
    const reply = await serve(from, request)
    const isSlow = state.delayMs > 0 && (request.type === 'get' || request.type === 'put')
    if (isSlow) await new Promise<void>((resolve) => ring.clock.after(state.delayMs, resolve))
    return reply
  }
  return state
}

/** The first key, by name, whose placement is as it is wanted. */
export function keyWhere(node: StorageNode, wanted: (placement: KeyPlacement) => boolean): string {
  for (let index = 0; index < 10_000; index += 1) {
    const key = `key ${index}`
    if (wanted(node.placement(key))) return key
  }
  throw new Error('there is no such key')
}
