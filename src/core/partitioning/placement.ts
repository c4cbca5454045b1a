/**
 * Which nodes own which partition: consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018), one
 * rank of replicas after the other.
 *
 * For each rank, every partition walks clockwise from its place and takes the first node that is on a device the
 * partition has no replica on yet and that holds less than 1.1 times its share. All first replicas are placed before
 * any second one, so a change of members moves few of them. A device whose share is all Q partitions must be in every
 * one of them: when only such devices can fill the ranks left, only they are eligible. The result is a pure function
 * of the member set: every node computes the same owners, alone. If nobody is eligible the bound is relaxed first,
 * then the distinctness of devices.
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
  /** Indexed by partition: where on the ring its walk begins. */
  readonly starts: readonly number[]
  readonly members: ReadonlyMap<NodeId, RingMember>
  /** Indexed by partition; `min(n, members)` owners each, in rank order. */
  readonly owners: readonly (readonly NodeId[])[]
}

/** A member while replicas are being dealt out. */
interface Bin {
  readonly id: NodeId
  readonly device: DeviceId
  /** Its device is due a replica of every partition. */
  readonly saturated: boolean
  readonly room: number
  load: number
}

/**
 * Places every partition on `min(n, members)` distinct nodes. `layOut` may build on earlier rings; it must answer as
 * `buildRing` does.
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

/** The first eligible node clockwise with room for one more replica; where none has room, the least overfull. */
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

/** A key's owners, and those who stand in for them, in the order they are asked (Dynamo, section 4.3). */
export interface PreferenceList {
  readonly owners: readonly NodeId[]
  /** Everyone else, nearest first; nodes on devices that hold no replica come before the others. */
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
