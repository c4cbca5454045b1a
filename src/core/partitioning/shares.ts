/**
 * Shares: the number of replicas that each node should hold (Dynamo, section 4.2: heterogeneity).
 *
 * The replicas of one partition go to distinct devices first. So a device takes at most Q of them, however large its
 * capacity, and the excess spreads over the others (water-filling). The nodes of a device split its share by capacity.
 * With fewer devices than replicas, the remaining replicas spread over nodes that do not hold the partition yet.
 */
import { assert } from '../assert.ts'
import { bounds } from '../bounds.ts'
import { compareText, type DeviceId, type NodeId } from '../ids.ts'
import type { RingMember } from './ring.ts'

interface Vessel<K> {
  readonly key: K
  readonly weight: number
  /** The most it can take. */
  readonly capacity: number
}

/** Pours `amount` into the vessels in proportion to their weights. A full vessel's excess flows to the others. */
function waterFill<K>(amount: number, vessels: readonly Vessel<K>[]): Map<K, number> {
  const level = new Map<K, number>()
  let open = [...vessels]
  let left = amount
  while (open.length > 0) {
    const weight = open.reduce((sum, vessel) => sum + vessel.weight, 0)
    const full = open.filter((vessel) => (left * vessel.weight) / weight >= vessel.capacity)
    if (full.length === 0) {
      for (const vessel of open) level.set(vessel.key, (left * vessel.weight) / weight)
      return level
    }
    for (const vessel of full) level.set(vessel.key, vessel.capacity)
    left -= full.reduce((sum, vessel) => sum + vessel.capacity, 0)
    open = open.filter((vessel) => !full.includes(vessel))
  }
  return level
}

/** The members of each device, devices in text order. */
export function byDevice(members: readonly RingMember[]): ReadonlyMap<DeviceId, readonly RingMember[]> {
  const devices = new Map<DeviceId, RingMember[]>()
  for (const member of [...members].sort((a, b) => compareText(a.device, b.device))) {
    const nodes = devices.get(member.device)
    if (nodes === undefined) devices.set(member.device, [member])
    else nodes.push(member)
  }
  return devices
}

const nodeVessel = (member: RingMember): Vessel<NodeId> => ({
  key: member.id,
  weight: member.capacity,
  capacity: bounds.partitions,
})

/** The share of every node, in replicas of partitions, not rounded. The shares add up to Q x min(n, members). */
export function sharesOf(members: readonly RingMember[], n: number): ReadonlyMap<NodeId, number> {
  assert(n >= 1, 'n is at least one')
  const devices = byDevice(members)
  const ranks = Math.min(n, members.length)
  const distinctRanks = Math.min(ranks, devices.size)
  const ofDevices = waterFill(
    distinctRanks * bounds.partitions,
    [...devices].map(([device, nodes]) => ({
      key: device,
      weight: nodes.reduce((sum, node) => sum + node.capacity, 0),
      capacity: bounds.partitions,
    })),
  )
  const shares = new Map<NodeId, number>()
  for (const [device, nodes] of devices) {
    for (const [id, share] of waterFill(ofDevices.get(device) ?? 0, nodes.map(nodeVessel))) shares.set(id, share)
  }
  const spare = members.map((member) => ({
    ...nodeVessel(member),
    capacity: bounds.partitions - (shares.get(member.id) ?? 0),
  }))
  for (const [id, more] of waterFill((ranks - distinctRanks) * bounds.partitions, spare)) {
    shares.set(id, (shares.get(id) ?? 0) + more)
  }
  return shares
}
