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

/** How a ring begins. */
export interface Beginning {
  /** Groups of places that cannot reach each other until the network is reunited. */
  readonly apart?: readonly (readonly number[])[]
  /** Hears of every node that begins to serve, at each of its boots. */
  readonly serving?: (node: StorageNode) => void
}

export type VirtualRing = Awaited<ReturnType<typeof virtualRing>>

/** A ring of so many nodes, each on a device of its own where `devices` says nothing else. */
export async function virtualRing(chosen: Partial<Options> & { readonly nodes: number }, beginning: Beginning = {}) {
  const clock = new VirtualClock()
  const calm = {
    ...optionsFor(1, { faults: [] }),
    devices: chosen.nodes,
    graceMs: 600_000,
    stayMs: 1_200_000,
    browserStore: false,
  }
  const options = { ...calm, commitMs: 2, delayMs: 5, ...chosen }
  const world = new World(clock, options, new Counters(), () => {})
  const { apart = [], serving = () => {} } = beginning
  world.onServing = (_, node) => serving(node)
  keepApart(world, apart)
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

/** Cuts groups of places from each other until the network is reunited. */
export function keepApart({ network }: World, groups: readonly (readonly number[])[]): void {
  for (const group of groups) {
    const others = groups.filter((other) => other !== group).flat()
    for (const from of group) for (const to of others) network.sever(from, to)
  }
}

export const nodeOf = ({ boot }: Place): StorageNode => {
  if (boot?.node === undefined) throw new Error('the node runs')
  return boot.node
}
