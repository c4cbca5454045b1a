/**
 * Routing: the member view of this node, and the placement that follows from it (Dynamo, sections 4.2, 4.3 and 4.8).
 *
 * A placement is computed once per view, at the first question. Every change of placement is announced, so that
 * ownership, hints and exchanges can follow.
 */
import { present } from '../../core/assert.ts'
import { partitionOf } from '../../core/hash.ts'
import type { DeviceId, NodeId, Partition, StoredKey, ViewHash } from '../../core/ids.ts'
import {
  type Claim,
  claimsOf,
  failureDomain,
  isPlaced,
  type MemberView,
  standingOf,
} from '../../core/membership/claims.ts'
import { SetHash } from '../../core/membership/set-hash.ts'
import { type Placement, type PreferenceList, place, preferenceList } from '../../core/partitioning/placement.ts'
import { type RingMember, ringKeeper } from '../../core/partitioning/ring.ts'

const ringMember = (claim: Claim): RingMember => ({
  id: claim.node,
  device: failureDomain(claim),
  capacity: claim.capacity16ths / 16,
})

/** The partitions of every node, in order. */
function byOwner({ owners }: Placement): ReadonlyMap<NodeId, readonly Partition[]> {
  const owned = new Map<NodeId, Partition[]>()
  for (const [partition, nodes] of owners.entries()) {
    for (const node of nodes) {
      const list = owned.get(node) ?? []
      list.push(partition as Partition)
      owned.set(node, list)
    }
  }
  return owned
}

export class Routing {
  /** Keys are placed anew. */
  onChanged: () => void = () => {}
  readonly self: NodeId
  readonly n: number
  #view: MemberView
  /** By member: the part of its claim that placement depends on. */
  readonly #standings = new Map<NodeId, string>()
  readonly #hash = new SetHash()
  #others: readonly NodeId[] | undefined
  #placement: Placement | undefined
  #withoutSelf: Placement | undefined
  /** The placement of the settled members, without this node. */
  #former: Placement | undefined
  readonly #layOut = ringKeeper()
  /** Answers that follow from the placement, computed once for each placement. */
  #owned: ReadonlyMap<NodeId, readonly Partition[]> | undefined
  readonly #due = new Map<string, readonly Partition[]>()
  readonly #sources = new Map<Partition, readonly NodeId[]>()
  readonly #place: typeof place

  /** `placing` may remember placements between nodes of one process. It must answer as `place` does. */
  constructor(self: NodeId, view: MemberView, n: number, placing: typeof place = place) {
    this.self = self
    this.n = n
    this.#place = placing
    this.#view = view
    for (const claim of view.values()) this.#stands(claim.node)
  }

  /** Two nodes have equal hashes if they place every key alike. */
  get hash(): ViewHash {
    return this.#hash.value
  }

  get claims(): readonly Claim[] {
    return claimsOf(this.#view)
  }

  claimOf(node: NodeId): Claim | undefined {
    return this.#view.get(node)
  }

  deviceOf(node: NodeId): DeviceId | undefined {
    return this.#view.get(node)?.device
  }

  isPlaced(node: NodeId): boolean {
    const claim = this.#view.get(node)
    return claim !== undefined && isPlaced(claim)
  }

  /** True if a node's store, or this node's own, accepts records, by the node's own claim. */
  takesIn(node: NodeId): boolean {
    return (this.#view.get(node)?.storage ?? 'ok') === 'ok'
  }

  /** Members that are in the placement, other than this node. */
  get others(): readonly NodeId[] {
    this.#others ??= this.claims.filter((claim) => isPlaced(claim) && claim.node !== this.self).map(({ node }) => node)
    return this.#others
  }

  /**
   * Follows a change of the member view. `claims`: all that have changed. A member that is suspected or asleep keeps
   * its place.
   */
  follow(view: MemberView, claims: readonly Claim[]): void {
    this.#view = view
    this.#former = undefined
    this.#sources.clear()
    const moved = claims.filter(({ node }) => this.#stands(node))
    if (moved.length === 0) return
    this.#others = undefined
    this.#placement = undefined
    this.#withoutSelf = undefined
    this.#owned = undefined
    this.#due.clear()
    this.onChanged()
  }

  /** Notes how placement sees a member now. Returns true if that has changed. */
  #stands(node: NodeId): boolean {
    const claim = this.#view.get(node)
    const standing = claim === undefined ? null : standingOf(claim)
    const before = this.#standings.get(node) ?? null
    if (standing === before) return false
    for (const each of [before, standing]) if (each !== null) this.#hash.toggle(each)
    if (standing === null) this.#standings.delete(node)
    else this.#standings.set(node, standing)
    return true
  }

  get placement(): Placement {
    this.#placement ??= this.#place(this.claims.filter(isPlaced).map(ringMember), this.n, this.#layOut)
    return this.#placement
  }

  ownersOf(partition: Partition): readonly NodeId[] {
    return present(this.placement.owners[partition], 'a partition is a number below Q')
  }

  preferenceOf(key: StoredKey): PreferenceList {
    return this.preferenceIn(partitionOf(key))
  }

  preferenceIn(partition: Partition): PreferenceList {
    return preferenceList(this.placement, partition)
  }

  owns(partition: Partition): boolean {
    return this.ownersOf(partition).includes(this.self)
  }

  /**
   * The partitions that an exchange between two nodes covers when `asking` begins it: those both own. The node with the
   * lower id asks, which brings both in step. In the other direction the list is empty.
   */
  sharedPartitions(asking: NodeId, asked: NodeId): readonly Partition[] {
    if (asking >= asked) return []
    const pair = `${asking} ${asked}`
    const known = this.#due.get(pair)
    if (known !== undefined) return known
    const due = this.ownedBy(asked).filter((partition) => this.ownersOf(partition).includes(asking))
    this.#due.set(pair, due)
    return due
  }

  /** The partitions of a node, in order. */
  ownedBy(node: NodeId): readonly Partition[] {
    this.#owned ??= byOwner(this.placement)
    return this.#owned.get(node) ?? []
  }

  /**
   * The owners of a partition if this node did not count: nodes that took over from it, or from which it takes over.
   */
  ownersWithoutSelf(partition: Partition): readonly NodeId[] {
    this.#withoutSelf ??= this.#place(
      this.claims.filter((claim) => isPlaced(claim) && claim.node !== this.self).map(ringMember),
      this.n,
      this.#layOut,
    )
    return this.#withoutSelf.owners[partition] ?? []
  }

  /**
   * The former owners of a partition: its owners before members came that had never held a copy. A new owner must have
   * heard most of them. Empty if all other members are new.
   */
  formerOwnersOf(partition: Partition): readonly NodeId[] {
    const isFormer = (claim: Claim) => isPlaced(claim) && claim.settled && claim.node !== this.self
    this.#former ??= this.#place(this.claims.filter(isFormer).map(ringMember), this.n, this.#layOut)
    return this.#former.owners[partition] ?? []
  }

  /**
   * Nodes from which a new owner fetches a partition, and which it names to coordinators meanwhile: the other owners,
   * and the former ones.
   */
  sourcesOf(partition: Partition): readonly NodeId[] {
    const known = this.#sources.get(partition)
    if (known !== undefined) return known
    const former = [...this.ownersWithoutSelf(partition), ...this.formerOwnersOf(partition)]
    const holders = new Set([...this.ownersOf(partition), ...former])
    holders.delete(this.self)
    const sources = [...holders]
    this.#sources.set(partition, sources)
    return sources
  }
}
