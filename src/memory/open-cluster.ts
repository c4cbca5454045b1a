/**
 * A whole cluster in one process, without a browser (not in the paper).
 *
 * It serves an application's own tests, and the simulation. The nodes are the real ones; only their store and network
 * live in memory.
 *
 * @module tabring/memory
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { DeviceId, PeerId } from '../core/ids.ts'
import { TabringError } from '../errors.ts'
import { type CheckedConfig, checkConfig, checkNames } from '../node/api/config.ts'
import type { TabringNode } from '../node/api/tabring-node.ts'
import { StorageNode } from '../node/storage-node.ts'
import type { Random } from '../ports.ts'
import { systemClock } from '../system-clock.ts'
import { MemoryNetwork } from './memory-network.ts'
import { MemoryDisk, memoryStore } from './memory-store.ts'
import { seededRandom } from './seeded-random.ts'

export type { TabringNode } from '../node/api/tabring-node.ts'

/** The options of `openCluster`. Those of quorums and times are the same as for `openNode`. */
export interface ClusterOptions {
  /** Number of nodes, 1 to 64. */
  readonly nodes: number
  /** Number of devices that the nodes are spread over, in turn. Default: one for each node. */
  readonly devices?: number
  /** The same seed gives the same node ids. Default 1. */
  readonly seed?: number
  readonly n?: number
  readonly r?: number
  readonly w?: number
  readonly timeoutMs?: number
  readonly graceMs?: number
  readonly retentionMs?: number
}

const known: readonly (keyof ClusterOptions)[] = [
  'nodes',
  'devices',
  'seed',
  'n',
  'r',
  'w',
  'timeoutMs',
  'graceMs',
  'retentionMs',
]

/** A cluster in memory. Nodes are numbered from 0. */
export interface MemoryCluster {
  /** The running nodes, by number. Undefined for a killed one. */
  readonly nodes: readonly (TabringNode | undefined)[]
  /**
   * The node with that number. Throws `closed` if it was killed.
   *
   * @example
   * await cluster.node(2).get('greeting')
   */
  node(index: number): TabringNode
  /**
   * Ends a node without a word, as a crash does. Its disk stays.
   *
   * @example
   * cluster.kill(1)
   */
  kill(index: number): void
  /**
   * Starts a killed node again on its disk. `joined` of the new node tells when it is back in the ring. Rejects with
   * `invalid-option` if the node runs.
   *
   * @example
   * await (await cluster.restart(1)).joined()
   */
  restart(index: number): Promise<TabringNode>
  /**
   * Cuts the links between each node of one group and each of the other.
   *
   * @example
   * cluster.cut([0, 1], [2, 3, 4])
   */
  cut(group: readonly number[], other: readonly number[]): void
  /**
   * Heals every cut. `joined` of a node tells when it reaches the others again.
   *
   * @example
   * cluster.heal()
   */
  heal(): void
  /**
   * Ends all nodes.
   *
   * @example
   * await cluster.close()
   */
  close(): Promise<void>
}

const nodesMax = 64

interface Place {
  readonly disk: MemoryDisk
  readonly device: DeviceId
  peer: PeerId
  node: StorageNode | undefined
}

/**
 * Opens a cluster and resolves once all its nodes have joined.
 *
 * @example
 * const cluster = await openCluster({ nodes: 5, devices: 3 })
 * await cluster.node(0).put('greeting', null, 'hello')
 * cluster.kill(1)
 * const { values } = await cluster.node(2).get('greeting')
 */
export async function openCluster(options: ClusterOptions): Promise<MemoryCluster> {
  checkNames(options, known)
  const { nodes, devices = nodes, seed = 1, ...sizes } = options
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodesMax || !Number.isInteger(devices) || devices < 1) {
    throw new TabringError(
      'invalid-option',
      `nodes must be a whole number from 1 to ${nodesMax}, devices one from 1. Nothing was opened.`,
    )
  }
  const config = checkConfig({ cluster: 'memory', ...sizes })
  const network = new MemoryNetwork(systemClock)
  const random = seededRandom(seed)
  const places: Place[] = Array.from({ length: nodes }, (_, index) => ({
    disk: new MemoryDisk(),
    device: `device ${index % devices}` as DeviceId,
    peer: mintPeer(random),
    node: undefined,
  }))
  const start = (place: Place) => startAt(place, network, config, random)
  const at = (index: number): Place => {
    const place = places[index]
    if (place === undefined) throw new TabringError('invalid-option', `there is no node number ${index}`)
    return place
  }
  await Promise.all(places.map(start))
  await Promise.all(places.map((place) => place.node?.joined({ members: nodes })))
  return {
    get nodes() {
      return places.map((place) => place.node)
    },
    node: (index) => {
      const { node } = at(index)
      if (node === undefined) throw new TabringError('closed', `node number ${index} was killed`)
      return node
    },
    kill: (index) => {
      const place = at(index)
      network.remove(place.peer)
      void place.node?.close()
      place.node = undefined
    },
    restart: async (index) => {
      if (at(index).node !== undefined)
        throw new TabringError('invalid-option', `node number ${index} runs: kill it before`)
      return start(at(index))
    },
    cut: (group, other) => {
      for (const a of group) for (const b of other) network.cut(at(a).peer, at(b).peer)
    },
    heal: () => network.heal(),
    close: async () => {
      await Promise.all(places.map((place) => place.node?.close()))
    },
  }
}

/** Opens the node of a place, on the disk that is there. */
async function startAt(
  place: Place,
  network: MemoryNetwork,
  config: CheckedConfig,
  random: Random,
): Promise<StorageNode> {
  place.peer = mintPeer(random)
  const ports = {
    clock: systemClock,
    random,
    store: memoryStore(place.disk),
    transport: network.transport(place.peer),
    lifecycle: { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} },
  }
  place.node = await StorageNode.open(ports, config, place.device)
  return place.node
}

function mintPeer(random: Random): PeerId {
  return bytesToHex(random.bytes(8)) as PeerId
}
