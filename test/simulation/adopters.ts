/**
 * Orphans: slots of tabs that were closed for good, and the tabs beside them that hand over what is left there.
 *
 * A node is opened on the slot, beside the node of the tab that adopts it, as `open-node` of a browser does it.
 */
import { adoptOrphans } from '../../src/node/handoff/adoption.ts'
import { lose, partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { chanceOf, StoreFailure } from '../../src/ports.ts'
import type { Boot } from './boot.ts'
import { Chance } from './chance.ts'
import type { Place, World } from './world.ts'

/** A tab that has others beside it on its device is closed for good, in the first half of an act. */
export function orphan(world: World): void {
  const chance = new Chance(world.options.seed, 'orphans')
  world.clock.after((chance.fraction() * world.options.chaosMs) / 2, () => {
    const besides = world.places.filter(
      (place) => !place.gone && place.boot?.node !== undefined && others(world, place).length > 0,
    )
    if (world.calm || besides.length === 0) return
    const place = chance.pick(besides)
    world.counters.count('fault: tab closed for good')
    place.isOrphaned = true
    if (chance.happens(0.5)) world.close(place)
    else world.crash(place)
  })
}

/** Other places of a device, where there may be a tab. */
const others = (world: World, place: Place): readonly Place[] =>
  world.places.filter((other) => other !== place && other.device === place.device && !other.gone && !other.isOrphaned)

/** Where no tab is left on a device a person opens one in the slot again. */
export function reclaim(world: World): void {
  for (const place of world.places) {
    if (!place.isOrphaned || place.isLocked || others(world, place).length > 0) continue
    place.isOrphaned = false
    world.start(place)
  }
}

/** A tab that serves looks after the slots of its device for as long as it lives. */
export function adoptIn(world: World, place: Place, node: StorageNode, boot: Boot): void {
  const { clock, counters, options } = world
  const chance = new Chance(options.seed, 'orphans')
  const orphans = async () =>
    world.places.flatMap(({ device, index, isOrphaned, isLocked }) =>
      isOrphaned && !isLocked && device === place.device ? [String(index)] : [],
    )
  const handOver = (slot: string) =>
    handsOver(world, Number(slot), node, boot).then(
      () => counters.count('path: slot of a closed tab handed over by another tab'),
      (error: unknown) => {
        counters.count('slot of a closed tab could not be handed over')
        throw error
      },
    )
  boot.endings.push(adoptOrphans(clock.seenBy(boot.gate, place), () => chanceOf(chance.random), orphans, handOver))
}

async function handsOver(world: World, index: number, adopter: StorageNode, boot: Boot): Promise<void> {
  const slot = world.places[index]
  if (slot === undefined || !slot.isOrphaned || slot.isLocked) throw new StoreFailure('failed', 'another tab has it')
  const peer = world.mintPeer()
  const release = () => {
    slot.isLocked = false
    world.network.remove(peer)
  }
  slot.isLocked = true
  boot.endings.push(release)
  try {
    const lifecycle = { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} }
    const opened: { node?: StorageNode; isLost?: true } = {}
    const lost = () => {
      opened.isLost = true
      if (opened.node !== undefined) lose(opened.node, 'evicted')
    }
    const node = await world.open(world.portsOf(slot, boot, peer, lifecycle, lost), slot, boot, adopter)
    opened.node = node
    if (opened.isLost) lose(node, 'evicted')
    world.deviceOf.set(node.id, slot.device)
    slot.leavers.add(node.id)
    try {
      await partsOf(node).joined.first
      await node.leave()
      world.left(slot)
      slot.isOrphaned = false
    } finally {
      await node.close()
    }
  } finally {
    release()
  }
}
