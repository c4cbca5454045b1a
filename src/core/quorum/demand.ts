/**
 * What a request asks for beyond the number of nodes, and whether what has been answered so far comes to it (Dynamo,
 * section 4.5; the further demands are Riak's `pr`, `pw` and `node_confirms`).
 */
import type { NodeId } from '../ids.ts'
import { fewestPlaces } from './stand-ins.ts'

/** How much is there, or is to be there. */
export interface Extent {
  /** Nodes that hold or tell: r or w. */
  readonly nodes: number
  /** Of these, owners of the key. */
  readonly primaries: number
  /** Distinct devices they are on. */
  readonly devices: number
}

/** Who has a write or has answered, and for whom: nobody where it is for itself. */
export type Copies = ReadonlyMap<NodeId, readonly NodeId[]>

/** What these copies come to, whichever hints among them have gone home. */
export function extentOf(copies: Copies, owners: readonly NodeId[], deviceOf: (node: NodeId) => unknown): Extent {
  return {
    nodes: fewestPlaces([...copies], (node) => node),
    primaries: owners.filter((owner) => copies.get(owner)?.length === 0).length,
    devices: fewestPlaces([...copies], deviceOf),
  }
}

/** Whether there is as much as was asked for. */
export function meets(there: Extent, demand: Extent): boolean {
  return there.nodes >= demand.nodes && there.primaries >= demand.primaries && there.devices >= demand.devices
}

/** For people: what was asked for, of what there is. */
export function shortfall(there: Extent, demand: Extent): string {
  const names = { nodes: 'nodes', primaries: 'owners', devices: 'devices' } as const
  const short = (['nodes', 'primaries', 'devices'] as const).filter((what) => there[what] < demand[what])
  return short.map((what) => `${there[what]} of ${demand[what]} ${names[what]}`).join(', ')
}
