/**
 * A ring of real nodes in real time, each on a disk of its own, which the test can look at and damage.
 */
import type { DeviceId, PeerId } from '../../src/core/ids.ts'
import { MemoryNetwork } from '../../src/memory/memory-network.ts'
import { type MemoryDisk, memoryStore } from '../../src/memory/memory-store.ts'
import { seededRandom } from '../../src/memory/seeded-random.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import { StorageNode } from '../../src/node/storage-node.ts'
import type { Lifecycle } from '../../src/ports.ts'
import { systemClock } from '../../src/system-clock.ts'

/** A place of the ring: a disk, and the node that runs on it. */
export interface MemoryPlace<Disk extends MemoryDisk = MemoryDisk> {
  readonly disk: Disk
  readonly node: StorageNode
  /** The tab is put aside, and comes back after all. */
  readonly suspend: () => void
  readonly resume: () => void
  /** Opens the node anew on its disk, once it is closed. */
  readonly reopen: () => Promise<void>
}

/** So many nodes that have met. `diskOf` makes their disks. */
export async function memoryRing<Disk extends MemoryDisk>(
  count: number,
  diskOf: () => Disk,
): Promise<readonly MemoryPlace<Disk>[]> {
  const network = new MemoryNetwork(systemClock)
  const random = seededRandom(7)
  const places = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<MemoryPlace<Disk>> => {
      const disk = diskOf()
      const tasks = { suspend: () => {}, resume: () => {} }
      const lifecycle: Lifecycle = {
        onSleep: () => {},
        onSuspend: (task) => {
          tasks.suspend = task
        },
        onResume: (task) => {
          tasks.resume = task
        },
      }
      const open = () => {
        const transport = network.transport(`${index}`.repeat(16) as PeerId)
        const ports = { clock: systemClock, random, store: memoryStore(disk), transport, lifecycle }
        return StorageNode.open(ports, checkConfig({ cluster: 'memory' }), `device ${index}` as DeviceId)
      }
      let node = await open()
      return {
        disk,
        get node() {
          return node
        },
        suspend: () => tasks.suspend(),
        resume: () => tasks.resume(),
        reopen: async () => {
          node = await open()
        },
      }
    }),
  )
  await Promise.all(places.map(({ node }) => node.joined({ members: count })))
  return places
}
