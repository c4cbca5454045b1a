/**
 * How this node stands to every partition: whether it owns it, and whether it is in sync with it (Dynamo, section 4.9).
 *
 * A new owner is in sync once a majority of those who owned the partition before, and everybody in reach who may hold
 * some of it, has given all it has; until then its answers do not count for r and w, and it names whom to ask
 * besides. An owner that meets somebody who was elsewhere, and may have taken writes there, is in doubt about what
 * both hold until the other has given that. A node that ceases to own a partition keeps it, and its answers still
 * count, until the new owners hold everything (see `exchange.ts`).
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import type { Clock, RowKey, Store, Write } from '../../ports.ts'
import type { Routing } from './routing.ts'

const flags = { owned: 1, synced: 2 } as const

/** The row that says how this node stood to each partition. */
export const ownershipRow: RowKey = ['meta', '', 'ownership']

export class Ownership {
  /** Whether requests reach a node. */
  isReachable: (node: NodeId) => boolean = () => false
  /** Partitions got in sync. */
  onInSync: () => void = () => {}
  readonly #store: Store
  readonly #routing: Routing
  readonly #clock: Pick<Clock, 'now'>
  /** Members of the last view, to tell newcomers. */
  #known: ReadonlySet<NodeId>
  /** Of what each node said, as it was met, that it holds a copy. */
  readonly #held = new Map<NodeId, ReadonlySet<Partition>>()
  /**
   * Newcomers that were elsewhere: what each has still to give, and until when it is waited for although it is out of
   * reach.
   */
  readonly #newcomers = new Map<NodeId, { readonly due: Set<Partition>; readonly untilMs: number }>()
  readonly #standing: Uint8Array
  /** Who has given all it has of a partition since this node began to fetch it. */
  readonly #received = new Map<Partition, Set<NodeId>>()
  /** Partitions in sync before this node was away, and not caught up with yet. */
  #doubtful: ReadonlySet<Partition> = new Set()
  #saving: Promise<void> | undefined

  /** `saved` is the row of an earlier boot, if there is one. */
  constructor(store: Store, routing: Routing, saved: Uint8Array | undefined, clock: Pick<Clock, 'now'>) {
    this.#store = store
    this.#clock = clock
    this.#routing = routing
    this.#standing = saved?.length === bounds.partitions ? saved.slice() : new Uint8Array(bounds.partitions)
    this.#known = new Set(routing.others)
    this.follow()
    this.doubt()
  }

  #is(partition: Partition, flag: number): boolean {
    return ((this.#standing[partition] ?? 0) & flag) !== 0
  }

  /**
   * Whether this node's answers for a partition may count: it is in sync, or there is nobody else who could know
   * better.
   */
  counts(partition: Partition): boolean {
    if (this.#routing.others.length === 0) return true
    if (!this.#is(partition, flags.synced)) return false
    // Where nobody is in reach, what was in sync is the best there is.
    return this.isInSync(partition) || !this.#routing.others.some((node) => this.isReachable(node))
  }

  /** Whether a newcomer that was elsewhere has still to give what it holds of a partition. */
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

  /** A node has said of what it holds a copy. */
  met(node: NodeId, held: readonly Partition[]): void {
    const all = new Set(held)
    this.#held.set(node, all)
    const due = this.#newcomers.get(node)?.due ?? new Set()
    for (const partition of due) if (!all.has(partition)) due.delete(partition)
    // Lists are exchanged after this, and one that has no place yet may be asked already.
    if (!this.#known.has(node) && held.length > 0) this.#await(node)
    this.review()
  }

  /** This node was away, and what it holds may be out of date: its answers count again when it has caught up. */
  doubt(): void {
    if (this.#routing.others.length === 0) return
    this.#doubtful = new Set(allPartitions.filter((partition) => this.#is(partition, flags.synced)))
    this.#received.clear()
  }

  /** Whether it had all, when it became an owner, that those had who held the partition before. */
  wasSynced(partition: Partition): boolean {
    return this.#is(partition, flags.synced)
  }

  /** Whether it has, also after it was away. */
  isInSync(partition: Partition): boolean {
    return this.#is(partition, flags.synced) && !this.#doubtful.has(partition) && !this.#awaitsNewcomer(partition)
  }

  #isFetching(partition: Partition): boolean {
    return this.#is(partition, flags.owned) && !this.isInSync(partition)
  }

  /** Whom to ask besides this node: nobody, unless it owns the partition and is still fetching it. */
  sources(partition: Partition): readonly NodeId[] {
    return this.#isFetching(partition) ? this.#routing.sourcesOf(partition) : []
  }

  /** Partitions owned here and not yet in sync. */
  get syncing(): readonly Partition[] {
    if (this.#routing.others.length === 0) return []
    return allPartitions.filter((partition) => this.#isFetching(partition))
  }

  /** Those of them that a node which does not own them may still have something of, and has not given it. */
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

  /** Whether others own a partition by now, and this node's answers still count. */
  isRetained(partition: Partition): boolean {
    return this.#is(partition, flags.synced) && !this.#is(partition, flags.owned)
  }

  get retained(): readonly Partition[] {
    return allPartitions.filter((partition) => this.isRetained(partition))
  }

  /**
   * Follows a change of the member view: what is newly owned has to be fetched, and what somebody may hold who was
   * elsewhere.
   */
  follow(): void {
    const { others } = this.#routing
    const newcomers = others.filter((node) => !this.#known.has(node))
    this.#known = new Set(others)
    let changed = false
    for (const partition of allPartitions) {
      const owned = this.#routing.owns(partition)
      if (owned === this.#is(partition, flags.owned)) continue
      changed = true
      // A partition won back may have been written elsewhere meanwhile: fetch it again.
      this.#standing[partition] = owned ? flags.owned : this.#is(partition, flags.synced) ? flags.synced : 0
      this.#received.delete(partition)
    }
    for (const node of newcomers) if (this.#routing.claimOf(node)?.settled === true) this.#await(node)
    for (const node of [...this.#newcomers.keys(), ...this.#held.keys()]) {
      if (this.#routing.isPlaced(node)) continue
      this.#held.delete(node)
      if ((this.#newcomers.get(node)?.untilMs ?? 0) <= this.#clock.now()) this.#newcomers.delete(node)
    }
    if (changed) this.#save()
    this.review()
  }

  /** A node that was elsewhere, and has held copies there, may hold what nobody here has. */
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

  /** Looks which partitions are in sync by now. */
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
    this.onInSync()
  }

  /**
   * Whether everybody in reach who may hold some of a partition has given it; and for a new owner, most of those who
   * owned it before.
   */
  #isComplete(partition: Partition, givers: ReadonlySet<NodeId>): boolean {
    const isAwaited = (source: NodeId) => !givers.has(source) && this.isReachable(source)
    if (this.#awaitsNewcomer(partition) || this.#routing.sourcesOf(partition).some(isAwaited)) return false
    if (this.#is(partition, flags.synced)) return true
    const former = this.#routing.formerOwnersOf(partition)
    return 2 * former.filter((node) => givers.has(node)).length > former.length || former.length === 0
  }

  /**
   * Rows of a partition are lost: what it holds counts again when it has been compared with the others. Returns what
   * to write with that.
   */
  lost(partition: Partition, how: 'lost' | 'dropped'): readonly Write[] {
    if (how === 'dropped') return []
    if (this.#is(partition, flags.synced)) {
      this.#standing[partition] = this.#is(partition, flags.owned) ? flags.owned : 0
      this.#received.delete(partition)
    }
    // Also where it was noted before: that may not be written yet.
    return [{ key: ownershipRow, value: this.#standing.slice() }]
  }

  /** Partitions of others were dropped here. */
  dropped(partitions: readonly Partition[]): void {
    const known = partitions.filter((partition) => !this.#routing.owns(partition) && this.#standing[partition] !== 0)
    for (const partition of known) this.#standing[partition] = 0
    if (known.length > 0) this.#save()
  }

  /** Saves once for all changes of a tick. A save that fails costs no more than fetching again after the next boot. */
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
