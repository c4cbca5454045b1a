/**
 * The store of a boot: the one of the kind that its disk is for.
 */
import type { Ports, Store } from '../../src/ports.ts'
import type { Boot } from './boot.ts'
import { BrowserDisk } from './browser-disk.ts'
import { openBrowserStore } from './browser-tab.ts'
import type { Violation } from './checker.ts'
import { SimDisk, type Surroundings, simStore } from './sim-store.ts'
import { checkedStore } from './store-contract.ts'
import type { Place } from './world.ts'

/** What a node is opened with; a browser takes a moment to open a database. */
export type BootPorts = Omit<Ports, 'store'> & { readonly store: Store | Promise<Store> }

interface Told {
  /** The database is gone under its tab. */
  lost(): void
  /** The store has said something untrue. */
  tell(violation: Violation): void
}

export function openStore(
  place: Place,
  boot: Boot,
  surroundings: Surroundings,
  rowsMax: () => number,
  { lost, tell }: Told,
): Store | Promise<Store> {
  const { disk } = place
  if (disk instanceof SimDisk) return simStore(disk, surroundings, boot.gate, rowsMax)
  if (!(disk instanceof BrowserDisk)) throw new Error('no store is for such a disk')
  disk.rowsMax = rowsMax
  const clock = surroundings.clock.seenBy(boot.gate, place)
  const opening = openBrowserStore(disk, surroundings, boot, clock, lost)
  // A disk that alters rows is not held to its word.
  return surroundings.options.rotEveryMs > 0 ? opening : opening.then((store) => checkedStore(store, disk, tell))
}
