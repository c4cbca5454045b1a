/**
 * Demands of a request beyond the number of nodes, and the check that they are met (Dynamo, section 4.5).
 *
 * The further demands are Riak's `pr`, `pw` and `node_confirms`: owners among the nodes, and distinct devices.
 */
import type { NodeId } from '../ids.ts'
import { fewestPlaces } from './stand-ins.ts'

/** An amount of copies or answers: one that a request demands, or one that is there. */
export interface Extent {
  /** Nodes that hold the write or have answered: r or w. */
  readonly nodes: number
  /** Of these, owners of the key. */
  readonly primaries: number
  /** Distinct devices they are on. */
  readonly devices: number
}

/**
 * Copies of a write, or answers to a read: each node with the owners it holds a hint for. An empty list: its own copy.
 */
export type Copies = ReadonlyMap<NodeId, readonly NodeId[]>

/** The extent of these copies, for certain: it holds whichever of the hints among them have gone home. */
export function extentOf(copies: Copies, owners: readonly NodeId[], deviceOf: (node: NodeId) => unknown): Extent {
  return {
    nodes: fewestPlaces([...copies], (node) => node),
    primaries: owners.filter((owner) => copies.get(owner)?.length === 0).length,
    devices: fewestPlaces([...copies], deviceOf),
  }
}

/** True if `there` is at least `demand` in each respect. */
export function meets(there: Extent, demand: Extent): boolean {
  return there.nodes >= demand.nodes && there.primaries >= demand.primaries && there.devices >= demand.devices
}

/**
 * The unmet demands, as text for people.
 *
 * @example
 * shortfall({ nodes: 1, primaries: 1, devices: 1 }, { nodes: 2, primaries: 1, devices: 1 }) // '1 of 2 nodes'
 */
export function shortfall(there: Extent, demand: Extent): string {
  const names = { nodes: 'nodes', primaries: 'owners', devices: 'devices' } as const
  const short = (['nodes', 'primaries', 'devices'] as const).filter((what) => there[what] < demand[what])
  return short.map((what) => `${there[what]} of ${demand[what]} ${names[what]}`).join(', ')
}
