/**
 * Ownership: for each partition, does this node own it, and is its copy complete (Dynamo, section 4.9)?
 *
 * A new owner has to receive all records of two groups: a majority of the former owners, and every source within reach.
 * Then it is in sync. Until then its answers do not count for r and w, and it names its sources to coordinators. An
 * owner may meet a node that was elsewhere and may have taken writes there. It is in doubt about the partitions of both
 * until that node has given them. A former owner keeps a partition, and its answers still count, until the new owners
 * hold everything (see `exchange.ts`).
 */
import { isComplete } from '../../core/acceptance/in-sync.ts'
import { bounds } from '../../core/bounds.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import type { Clock, RowKey, Store, Write } from '../../ports.ts'
import type { Routing } from './routing.ts'

const flags = { owned: 1, synced: 2 } as const

/** The row with the ownership flags of every partition. */
export const ownershipRow: RowKey = ['meta', '', 'ownership']

export class Ownership {
  /** True if requests reach a node. */
  isReachable: (node: NodeId) => boolean = () => false
  /** Some partitions got in sync. */
  onInSync: (partitions: ReadonlySet<Partition>) => void = () => {}
  /** This node owns these partitions from now on, or no more. */
  onMoved: (partitions: readonly Partition[]) => void = () => {}
  readonly #store: Store
  readonly #routing: Routing
  readonly #clock: Pick<Clock, 'now'>
  /** Members of the last view. A node that is not among them is a newcomer. */
  #known: ReadonlySet<NodeId>
  /** By node: the partitions of which it holds a copy, as it said in its hello. */
  readonly #held = new Map<NodeId, ReadonlySet<Partition>>()
  /**
   * Newcomers that were elsewhere. `due`: partitions that the newcomer has still to give. `untilMs`: the end of the
   * wait for it while it is out of reach.
   */
  readonly #newcomers = new Map<NodeId, { readonly due: Set<Partition>; readonly untilMs: number }>()
  readonly #standing: Uint8Array
  /** By partition: the nodes that have given all they have of it since this node began to fetch it. */
  readonly #received = new Map<Partition, Set<NodeId>>()
  /** Partitions that were in sync before this node was away, and are not caught up with yet. */
  #doubtful: ReadonlySet<Partition> = new Set()
  #saving: Promise<void> | undefined

  /** `saved` is the row of an earlier boot, if there is one. */
  constructor(store: Store, routing: Routing, saved: Uint8Array | undefined, clock: Pick<Clock, 'now'>) {
    this.#store = store
    this.#clock = clock
    this.#routing = routing
    this.#standing = saved?.length === bounds.partitions ? saved.slice() : new Uint8Array(bounds.partitions)
    this.#known = new Set(routing.others)
  }

  /** Begins with the placement of now. All that an earlier boot held is in doubt. */
  begin(): void {
    this.follow()
    this.doubt()
  }

  #is(partition: Partition, flag: number): boolean {
    return ((this.#standing[partition] ?? 0) & flag) !== 0
  }

  /** True if this node's answers for a partition count: it is in sync, or no other node could know better. */
  counts(partition: Partition): boolean {
    if (this.#routing.others.length === 0) return true
    if (!this.#is(partition, flags.synced)) return false
    // If no other node is within reach, a copy that was in sync is the best there is.
    return this.isInSync(partition) || !this.#routing.others.some((node) => this.isReachable(node))
  }

  /** True if a newcomer that was elsewhere has still to give its copy of a partition. */
  #awaitsNewcomer(partition: Partition): boolean {
    if (this.#newcomers.size === 0) return false
    return [...this.#newcomers].some(
      ([node, { due, untilMs }]) => due.has(partition) && (this.#clock.now() < untilMs || this.isReachable(node)),
    )
  }

  /** Partitions of which the copy here was complete once, owned or not. */
  get held(): readonly Partition[] {
    return allPartitions.filter((partition) => this.#is(partition, flags.synced))
  }

  /** A node has said of which partitions it holds a copy. */
  met(node: NodeId, held: readonly Partition[]): void {
    const all = new Set(held)
    this.#held.set(node, all)
    const due = this.#newcomers.get(node)?.due ?? new Set()
    for (const partition of due) if (!all.has(partition)) due.delete(partition)
    // Member lists are exchanged after this. So a node without a place yet may hold copies, and is awaited already.
    if (!this.#known.has(node) && held.length > 0) this.#await(node)
    this.review()
  }

  /** This node was away, and its copies may be out of date. Its answers count again when it has caught up. */
  doubt(): void {
    if (this.#routing.others.length === 0) return
    this.#doubtful = new Set(allPartitions.filter((partition) => this.#is(partition, flags.synced)))
    this.#received.clear()
  }

  /** True if its copy was complete once. An owner that was away since may have missed writes. */
  wasSynced(partition: Partition): boolean {
    return this.#is(partition, flags.synced)
  }

  /** True if its copy is complete now: caught up with after an absence, and with no newcomer to wait for. */
  isInSync(partition: Partition): boolean {
    return this.#is(partition, flags.synced) && !this.#doubtful.has(partition) && !this.#awaitsNewcomer(partition)
  }

  #isFetching(partition: Partition): boolean {
    return this.#is(partition, flags.owned) && !this.isInSync(partition)
  }

  /**
   * Nodes that a coordinator should ask besides this one. Empty, unless this node owns the partition and still fetches
   * it.
   */
  sources(partition: Partition): readonly NodeId[] {
    return this.#isFetching(partition) ? this.#routing.sourcesOf(partition) : []
  }

  /** Partitions owned here and not yet in sync. */
  get syncing(): readonly Partition[] {
    if (this.#routing.others.length === 0) return []
    return allPartitions.filter((partition) => this.#isFetching(partition))
  }

  /** Those of them of which `node` may still have something to give, although it does not own them. */
  fetchingFrom(node: NodeId): readonly Partition[] {
    return this.syncing.filter((partition) => {
      if (this.#newcomers.get(node)?.due.has(partition) === true)
        return !this.#routing.ownersOf(partition).includes(node)
      const isSource = this.#routing.sourcesOf(partition).includes(node)
      const isOwner = this.#routing.ownersOf(partition).includes(node)
      return isSource && !isOwner && this.#received.get(partition)?.has(node) !== true
    })
  }

  get ownedCount(): number {
    return allPartitions.filter((partition) => this.#is(partition, flags.owned)).length
  }

  /** True if others own a partition by now, and this node's answers still count. */
  isRetained(partition: Partition): boolean {
    return this.#is(partition, flags.synced) && !this.#is(partition, flags.owned)
  }

  get retained(): readonly Partition[] {
    return allPartitions.filter((partition) => this.isRetained(partition))
  }

  /**
   * Follows a change of placement. Newly owned partitions have to be fetched, and so do the copies of newcomers that
   * were elsewhere.
   */
  follow(): void {
    const { others } = this.#routing
    const newcomers = others.filter((node) => !this.#known.has(node))
    this.#known = new Set(others)
    const moved: Partition[] = []
    for (const partition of allPartitions) {
      const owned = this.#routing.owns(partition)
      if (owned === this.#is(partition, flags.owned)) continue
      moved.push(partition)
      // Other nodes may have taken writes of a partition that was lost and won back. It is fetched again.
      this.#standing[partition] = owned ? flags.owned : this.#is(partition, flags.synced) ? flags.synced : 0
      this.#received.delete(partition)
    }
    for (const node of newcomers) if (this.#routing.claimOf(node)?.settled === true) this.#await(node)
    for (const node of [...this.#newcomers.keys(), ...this.#held.keys()]) {
      if (this.#routing.isPlaced(node)) continue
      this.#held.delete(node)
      if ((this.#newcomers.get(node)?.untilMs ?? 0) <= this.#clock.now()) this.#newcomers.delete(node)
    }
    if (moved.length > 0) {
      this.#save()
      this.onMoved(moved)
    }
    this.review()
  }

  /** A node that was elsewhere, and held copies there, may have writes that no node here has. */
  #await(node: NodeId): void {
    const held = this.#held.get(node)
    const isDue = (partition: Partition) => this.#is(partition, flags.owned) && held?.has(partition) !== false
    const untilMs = this.#clock.now() + bounds.newcomerWaitMs
    this.#newcomers.set(node, { due: new Set(allPartitions.filter(isDue)), untilMs })
  }

  /** A node has given all it has of these partitions. */
  received(from: NodeId, partitions: readonly Partition[]): void {
    const newcomer = this.#newcomers.get(from)
    for (const partition of partitions) {
      if (!this.#isFetching(partition)) continue
      newcomer?.due.delete(partition)
      const givers = this.#received.get(partition) ?? new Set()
      this.#received.set(partition, givers.add(from))
    }
    this.review()
  }

  /** Marks the partitions that are in sync by now. */
  review(): void {
    for (const [node, { due }] of this.#newcomers) if (due.size === 0) this.#newcomers.delete(node)
    if (this.#received.size === 0 || this.#routing.others.length === 0) return
    const inSync = new Set<Partition>()
    for (const [partition, givers] of this.#received) {
      if (!this.#isFetching(partition) || !this.#isComplete(partition, givers)) continue
      this.#standing[partition] = flags.owned | flags.synced
      inSync.add(partition)
    }
    if (inSync.size === 0) return
    for (const partition of inSync) this.#received.delete(partition)
    this.#doubtful = new Set([...this.#doubtful].filter((partition) => !inSync.has(partition)))
    this.#save()
    this.onInSync(inSync)
  }

  /** True if the copy of a partition is complete, and every awaited newcomer has given its own. */
  #isComplete(partition: Partition, givers: ReadonlySet<NodeId>): boolean {
    const sources = this.#routing.sourcesOf(partition).filter((source) => this.isReachable(source))
    const former = this.#is(partition, flags.synced) ? [] : this.#routing.formerOwnersOf(partition)
    return !this.#awaitsNewcomer(partition) && isComplete({ givers, sources, former })
  }

  /**
   * Rows of a partition are lost. Its copy counts again after an exchange with the others. Returns the writes that
   * belong in the transaction of the loss.
   */
  lost(partition: Partition, how: 'lost' | 'dropped'): readonly Write[] {
    if (how === 'dropped') return []
    // The lost row may have come from a node that has given its copy: it gives it again.
    this.#received.delete(partition)
    if (this.#is(partition, flags.synced))
      this.#standing[partition] = this.#is(partition, flags.owned) ? flags.owned : 0
    // This row is written even if the loss was noted before: that note may not be in the store yet.
    return [{ key: ownershipRow, value: this.#standing.slice() }]
  }

  /** These partitions of others were dropped here. */
  dropped(partitions: readonly Partition[]): void {
    const known = partitions.filter((partition) => !this.#routing.owns(partition) && this.#standing[partition] !== 0)
    for (const partition of known) this.#standing[partition] = 0
    if (known.length > 0) this.#save()
  }

  /** Saves once for all changes of a tick. After a failed save the next boot has only to fetch again. */
  #save(): void {
    this.#saving ??= Promise.resolve()
      .then(() => {
        this.#saving = undefined
        return this.#store.transact([], 'relaxed', () => ({
          writes: [{ key: ownershipRow, value: this.#standing.slice() }],
          result: undefined,
        }))
      })
      .catch(() => {})
  }
}
