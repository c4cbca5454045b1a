/**
 * Placement: which nodes own which partition (Dynamo, sections 4.2 and 4.3; consistent hashing with bounded loads,
 * Mirrokni, Thorup, Zadimoghaddam 2018).
 *
 * Ranks are dealt out one after the other: all first replicas, then all second ones, so a change of members moves few.
 * For each rank a partition walks clockwise from its place. It takes the first node on a device without a replica of
 * it, if the node holds less than 1.1 times its share. A device whose share is all Q partitions must be in every one.
 * If only such devices can fill the ranks left, only they are eligible.
 *
 * The owners are a pure function of the member set: every node computes the same ones, alone. If no node is eligible,
 * the bound is relaxed first, then the distinctness of devices.
 */
import { assert, present } from '../assert.ts'
import { bounds } from '../bounds.ts'
import { compareText, type DeviceId, type NodeId, type Partition } from '../ids.ts'
import { buildRing, type Ring, type RingMember, startsIn, walk } from './ring.ts'
import { byDevice, sharesOf } from './shares.ts'

/** Owners of every partition and the ring they come from. */
export interface Placement {
  readonly n: number
  readonly ring: Ring
  /** Per partition: the index in `ring` at which its walk begins. */
  readonly starts: readonly number[]
  readonly members: ReadonlyMap<NodeId, RingMember>
  /** Per partition: `min(n, members)` owners, in rank order. */
  readonly owners: readonly (readonly NodeId[])[]
}

/** A member while replicas are dealt out. */
interface Bin {
  readonly id: NodeId
  readonly device: DeviceId
  /** Its device must hold a replica of every partition. */
  readonly saturated: boolean
  readonly room: number
  load: number
}

/**
 * Places every partition on `min(n, members)` distinct nodes. `layOut` may reuse earlier rings, and must give the same
 * result as `buildRing`.
 */
export function place(members: readonly RingMember[], n: number, layOut: typeof buildRing = buildRing): Placement {
  const sorted = [...members].sort((a, b) => compareText(a.id, b.id))
  const ring = layOut(sorted)
  const bins = binsOf(sorted, n)
  const walkers = ring.map((virtual) => present(bins.get(virtual.owner), 'a virtual node belongs to a member'))
  const starts = startsIn(ring)
  const owners: Bin[][] = starts.map(() => [])
  const ranks = Math.min(n, sorted.length)
  const distinctRanks = Math.min(ranks, byDevice(sorted).size)
  const saturated = new Set([...bins.values()].filter((bin) => bin.saturated).map((bin) => bin.device)).size
  for (let rank = 0; rank < ranks; rank += 1) {
    for (const [partition, start] of starts.entries()) {
      const taken = present(owners[partition], 'every partition has a list of owners')
      const due = saturated - taken.filter((bin) => bin.saturated).length
      const chosen = choose(walkers, start, (bin) => {
        if (taken.includes(bin)) return false
        if (rank >= distinctRanks) return true
        if (due >= distinctRanks - rank && !bin.saturated) return false
        return taken.every((other) => other.device !== bin.device)
      })
      chosen.load += 1
      taken.push(chosen)
    }
  }
  return {
    n,
    ring,
    starts,
    members: new Map(sorted.map((member) => [member.id, member])),
    owners: owners.map((taken) => taken.map((bin) => bin.id)),
  }
}

function binsOf(members: readonly RingMember[], n: number): ReadonlyMap<NodeId, Bin> {
  const shares = sharesOf(members, n)
  const bins = new Map<NodeId, Bin>()
  for (const [device, nodes] of byDevice(members)) {
    const ofDevice = nodes.reduce((sum, node) => sum + (shares.get(node.id) ?? 0), 0)
    const saturated = ofDevice > bounds.partitions - 1
    for (const { id } of nodes) {
      const room = Math.min(bounds.partitions, Math.ceil(bounds.loadFactor * (shares.get(id) ?? 0)))
      bins.set(id, { id, device, saturated, room, load: 0 })
    }
  }
  return bins
}

/** The first eligible node clockwise with room for one more replica. If none has room, the least overfull. */
function choose(walkers: readonly Bin[], start: number, eligible: (bin: Bin) => boolean): Bin {
  let overfull: Bin | undefined
  for (let step = 0; step < walkers.length; step += 1) {
    const bin = walkers[(start + step) % walkers.length]
    if (bin === undefined || !eligible(bin)) continue
    if (bin.load < bin.room) return bin
    if (overfull === undefined || bin.load / bin.room < overfull.load / overfull.room) overfull = bin
  }
  return present(overfull, 'a member is left for every rank')
}

/** A key's owners and their fallbacks, in the order in which a coordinator asks them (Dynamo, section 4.3). */
export interface PreferenceList {
  readonly owners: readonly NodeId[]
  /** All other nodes, nearest first. Nodes on devices without a replica come before the rest. */
  readonly fallbacks: readonly NodeId[]
}

/** The preference list of a partition: a pure function of the member set. */
export function preferenceList(placement: Placement, partition: Partition): PreferenceList {
  const owners = placement.owners[partition]
  const start = placement.starts[partition]
  assert(owners !== undefined && start !== undefined, 'a partition is a number below Q')
  const deviceOf = (id: NodeId) => placement.members.get(id)?.device
  const used = new Set(owners.map(deviceOf))
  const elsewhere: NodeId[] = []
  const beside: NodeId[] = []
  for (const id of walk(placement.ring, start)) {
    if (owners.includes(id)) continue
    if (used.has(deviceOf(id))) {
      beside.push(id)
      continue
    }
    used.add(deviceOf(id))
    elsewhere.push(id)
  }
  return { owners, fallbacks: [...elsewhere, ...beside] }
}
