/**
 * Who is here and who owns what, as this node believes: the member view and the placement that follows from it.
 *
 * Placement is computed when it is asked for, once per view. Every change of view is announced, so that ownership,
 * hints and exchanges can follow (Dynamo, sections 4.2, 4.3 and 4.8).
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
  /** What placement takes of each member that it counts on. */
  readonly #standings = new Map<NodeId, string>()
  readonly #hash = new SetHash()
  #others: readonly NodeId[] | undefined
  #placement: Placement | undefined
  #withoutSelf: Placement | undefined
  /** The placement of those that are settled, without this node. */
  #former: Placement | undefined
  readonly #layOut = ringKeeper()
  /** What follows from the placement, worked out once for each. */
  #owned: ReadonlyMap<NodeId, readonly Partition[]> | undefined
  readonly #due = new Map<string, readonly Partition[]>()
  readonly #sources = new Map<Partition, readonly NodeId[]>()
  readonly #place: typeof place

  /** `placing` may remember placements between nodes of one process; it must answer as `place` does. */
  constructor(self: NodeId, view: MemberView, n: number, placing: typeof place = place) {
    this.self = self
    this.n = n
    this.#place = placing
    this.#view = view
    for (const claim of view.values()) this.#stands(claim.node)
  }

  /** Equal where two nodes place every key alike. */
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

  /** Whether a node's store, this one's too, takes in what it is given, by the node's own word. */
  takesIn(node: NodeId): boolean {
    return (this.#view.get(node)?.storage ?? 'ok') === 'ok'
  }

  /** Members that placement counts on, other than this node. */
  get others(): readonly NodeId[] {
    this.#others ??= this.claims.filter((claim) => isPlaced(claim) && claim.node !== this.self).map(({ node }) => node)
    return this.#others
  }

  /**
   * Follows the member view, in which these claims have changed, all at once; who is suspected or asleep changes no
   * placement.
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

  /** Notes how placement takes a member now; whether otherwise than before. */
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
    return preferenceList(this.placement, partitionOf(key))
  }

  owns(partition: Partition): boolean {
    return this.ownersOf(partition).includes(this.self)
  }

  /**
   * The partitions about which one node asks another in every exchange: those both own. Of the two only the lower one
   * asks: it brings both in step.
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

  /** Who owns a partition if this node does not count: those who took over from it, or whom it takes over from. */
  ownersWithoutSelf(partition: Partition): readonly NodeId[] {
    this.#withoutSelf ??= this.#place(
      this.claims.filter((claim) => isPlaced(claim) && claim.node !== this.self).map(ringMember),
      this.n,
      this.#layOut,
    )
    return this.#withoutSelf.owners[partition] ?? []
  }

  /**
   * Who owned a partition before those came who never had a copy of anything: most of them a new owner has to have
   * heard. Nobody where all are new.
   */
  formerOwnersOf(partition: Partition): readonly NodeId[] {
    const isFormer = (claim: Claim) => isPlaced(claim) && claim.settled && claim.node !== this.self
    this.#former ??= this.#place(this.claims.filter(isFormer).map(ringMember), this.n, this.#layOut)
    return this.#former.owners[partition] ?? []
  }

  /** Whom a new owner fetches a partition from, and names to others meanwhile: those who own it too, or did before. */
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
