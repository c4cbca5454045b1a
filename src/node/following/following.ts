/**
 * Following: the owners of what this node's views show tell it of changes (not in the paper).
 *
 * A view asks its owners to be told, and then reads. From then on it joins what it is told to what it read. A view is
 * `live` while r owners that have told it all are in reach: every write that w nodes acknowledge reaches one of them.
 * It asks again when owners move, come back or fall silent. While it is not live, it also reads again regularly. It
 * reads again, too, when an owner tells it other old values than it shows: the owner may have forgotten the name of one
 * that it dropped, or has taken one in again.
 */
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { hybridAt } from '../../core/versioning/hybrid-time.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { FollowStatus } from '../api/named-requests.ts'
import type { Coordinator } from '../coordination/coordinator.ts'
import type { Retention } from '../ownership/retention.ts'
import { debounced, repeat } from '../scheduling/timers.ts'
import { type Listener, type Subject, View } from './view.ts'

export class Following {
  readonly #clock: Clock
  readonly #coordinator: Coordinator
  readonly #retention: Pick<Retention, 'ms'>
  readonly #views = new Map<Partition, Set<View>>()
  /** By owner and partition: the end of the lease in which the owner tells of changes. */
  readonly #leases = new Map<NodeId, Map<Partition, number>>()
  readonly #askSoon: () => void
  /** `#isDue`: the owners are to be asked, again if that is under way. */
  #isDue = false
  #isAsking = false

  constructor(clock: Clock, coordinator: Coordinator, retention: Pick<Retention, 'ms'>) {
    this.#clock = clock
    this.#coordinator = coordinator
    this.#retention = retention
    this.#askSoon = debounced(clock, bounds.followAskMs, () => void this.#askAll())
  }

  /** Renews leases, and reads again what is not live, until the returned function is called. */
  start(chance: () => number): () => void {
    return repeat(this.#clock, bounds.followRenewMs, chance, () => this.#askAll())
  }

  /** Shows a subject to a listener until the returned function is called. */
  watch(subject: Subject, listener: Listener): () => void {
    const view = new View(subject, listener)
    const views = this.#views.get(subject.partition) ?? new Set()
    this.#views.set(subject.partition, views.add(view))
    this.#askSoon()
    return () => {
      view.stop()
      views.delete(view)
      if (views.size === 0 && this.#views.get(subject.partition) === views) this.#views.delete(subject.partition)
    }
  }

  /** An owner, or a write of this node, tells of changes. `from`: null for a write. */
  told(entries: readonly KeyedRecord[], from: NodeId | null): void {
    if (this.#views.size === 0) return
    const views = new Map<View, KeyedRecord[]>()
    for (const entry of entries) {
      const partition = partitionOf(entry.key)
      // A node that was not asked may have forgotten what overwrote its records.
      if (from !== null && !this.#telling(partition).has(from)) continue
      for (const view of this.#views.get(partition) ?? []) {
        if (!view.subject.includes(entry.key)) continue
        const due = views.get(view) ?? []
        due.push(entry)
        views.set(view, due)
      }
    }
    const forgottenUntil = hybridAt(this.#clock.wall() - bounds.followForgottenShare * this.#retention.ms)
    for (const [view, due] of views) {
      if (from !== null && view.isAtOdds(due, forgottenUntil)) this.#doubt(view, from)
      view.told(due, this.#statusOf(view))
    }
  }

  /** An owner no longer tells a view all: it counts again after the next read. */
  #doubt(view: View, owner: NodeId): void {
    const telling = [...this.#telling(view.subject.partition)]
    view.narrow(new Set(telling.filter((node) => node !== owner)))
    this.#askSoon()
  }

  /** Owners have moved, come or gone. `met`: a node that may have begun anew, and then tells nothing any more. */
  changed(met?: NodeId): void {
    if (met !== undefined) this.#leases.delete(met)
    if (this.#views.size === 0) return
    for (const view of this.#all()) view.status(this.#statusOf(view))
    this.#askSoon()
  }

  /** This tab was asleep: nothing that was promised it holds any more. */
  woke(): void {
    this.#leases.clear()
    this.changed()
  }

  /** The number of views. */
  get count(): number {
    return this.#all().length
  }

  #all(): readonly View[] {
    return [...this.#views.values()].flatMap((views) => [...views])
  }

  /** Owners of a partition in reach whose lease has not ended. */
  #telling(partition: Partition): ReadonlySet<NodeId> {
    const now = this.#clock.now()
    const owners = this.#coordinator.routing.ownersOf(partition)
    const isTelling = (node: NodeId) =>
      (this.#leases.get(node)?.get(partition) ?? 0) > now && this.#coordinator.isInReach(node)
    return new Set(owners.filter(isTelling))
  }

  /** The status of a view. An owner that ceased to tell may have left something out: it counts after the next read. */
  #statusOf(view: View): FollowStatus {
    view.narrow(this.#telling(view.subject.partition))
    if (!view.isRead) return 'loading'
    return view.sources.size >= view.subject.r ? 'live' : 'partial'
  }

  /** Asks all owners of what is shown to tell of changes, then reads what may have been missed. One run at a time. */
  async #askAll(): Promise<void> {
    this.#isDue = true
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      while (this.#isDue) {
        this.#isDue = false
        await this.#askEach()
      }
    } finally {
      this.#isAsking = false
    }
    // Leases are renewed while views read: a slow read must not end them.
    void this.#readDue()
  }

  async #askEach(): Promise<void> {
    const due = new Map<NodeId, Partition[]>()
    // On the wire partitions ascend.
    for (const partition of [...this.#views.keys()].sort((a, b) => a - b))
      for (const owner of this.#coordinator.routing.ownersOf(partition)) {
        const partitions = due.get(owner) ?? []
        due.set(owner, partitions)
        partitions.push(partition)
      }
    for (const node of this.#leases.keys()) if (!due.has(node)) this.#leases.delete(node)
    await Promise.all([...due].map(([node, partitions]) => this.#ask(node, partitions)))
  }

  async #readDue(): Promise<void> {
    const views = this.#all().filter((view) => this.#isStale(view))
    for (let at = 0; at < views.length; at += bounds.viewsReadAtOnce)
      await Promise.all(views.slice(at, at + bounds.viewsReadAtOnce).map((view) => this.#read(view)))
  }

  /** Asks one owner. One that does not answer, or that is not in sync, tells nothing that can be relied on. */
  async #ask(node: NodeId, partitions: readonly Partition[]): Promise<void> {
    if (!this.#coordinator.isInReach(node)) {
      this.#leases.delete(node)
      return
    }
    const until = this.#clock.now() + bounds.followMs
    const request = { type: 'follow', partitions } as const
    const whole = await this.#coordinator
      .ask(node, request, { timeoutMs: bounds.followTimeoutMs, slow: () => {} })
      .then(
        (reply) => (reply.type === 'following' ? reply.whole : []),
        () => [],
      )
    // A lease that has ended leaves a gap, though the next one follows.
    for (const view of this.#all()) this.#statusOf(view)
    this.#leases.set(node, new Map(whole.map((partition) => [partition, until])))
  }

  /** True if an owner tells a view of changes that did not before, or if the view is not live. */
  #isStale(view: View): boolean {
    const status = this.#statusOf(view)
    return status !== 'live' || [...this.#telling(view.subject.partition)].some((node) => !view.known.has(node))
  }

  #read(view: View): Promise<void> {
    return view.read(this.#telling(view.subject.partition), () => this.#statusOf(view))
  }
}
