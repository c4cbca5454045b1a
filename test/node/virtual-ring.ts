/**
 * A ring of real nodes on virtual time, where nothing fails but what a test lets fail.
 */
import type { DeviceId } from '../../src/core/ids.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { Counters } from '../simulation/counters.ts'
import type { Options } from '../simulation/options.ts'
import { optionsFor } from '../simulation/settings.ts'
import { ahead, VirtualClock } from '../simulation/virtual-clock.ts'
import { type Place, World } from '../simulation/world.ts'

/** A ring of so many nodes, each on a device of its own. */
export async function virtualRing(chosen: Partial<Options> & { readonly nodes: number }) {
  const clock = new VirtualClock()
  const calm = { ...optionsFor(1, { faults: [] }), devices: chosen.nodes, graceMs: 600_000, stayMs: 1_200_000 }
  const options = { ...calm, commitMs: 2, delayMs: 5, ...chosen }
  const world = new World(clock, options, new Counters(), () => {})
  for (const place of world.places) world.start(place)
  await clock.run(10_000)
  const come = async (name: string) => {
    const place = world.addPlace(name as DeviceId)
    world.start(place)
    await clock.run(10_000)
    return place
  }
  return { clock, world, come, ahead: <T>(promise: Promise<T>) => ahead(clock, promise) }
}

export const nodeOf = ({ boot }: Place): StorageNode => {
  if (boot?.node === undefined) throw new Error('the node runs')
  return boot.node
}
