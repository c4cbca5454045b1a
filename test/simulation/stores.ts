/**
 * The store of a boot: the one of the kind that its disk is for.
 */
import { lose } from '../../src/node/storage-node.ts'
import type { Store } from '../../src/ports.ts'
import { BrowserDisk } from './browser-disk.ts'
import { openBrowserStore } from './browser-tab.ts'
import type { Violation } from './checker.ts'
import { SimDisk, type Surroundings, simStore } from './sim-store.ts'
import { checkedStore } from './store-contract.ts'
import type { Boot, Place } from './world.ts'

export function openStore(
  place: Place,
  boot: Boot,
  surroundings: Surroundings,
  rowsMax: () => number,
  tell: (violation: Violation) => void,
): Store | Promise<Store> {
  const { disk } = place
  if (disk instanceof SimDisk) return simStore(disk, surroundings, boot.gate, rowsMax)
  if (!(disk instanceof BrowserDisk)) throw new Error('no store is for such a disk')
  disk.rowsMax = rowsMax
  const lost = () => {
    boot.isLost = true
    if (boot.node !== undefined) lose(boot.node, 'evicted')
  }
  const clock = surroundings.clock.seenBy(boot.gate, place)
  const opening = openBrowserStore(disk, surroundings, boot, clock, lost)
  // A disk that alters rows is not held to its word.
  return surroundings.options.rotEveryMs > 0 ? opening : opening.then((store) => checkedStore(store, disk, tell))
}
