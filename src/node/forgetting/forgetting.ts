/**
 * Forgetting: the pruning of tombstones, and of names of overwritten writes (not in the paper).
 *
 * The *horizon* of a partition lies one retention before the time at which every other owner had given all it had. The
 * slowest of their clocks counts. A member that is out of reach may hold writes that the others never saw. So this node
 * waits for it for one retention, and no longer. A horizon decides which names may be pruned, and never which writes
 * survive: later arrivals are taken in (`core/acceptance`).
 */
import { bounds } from '../../core/bounds.ts'
import type { HybridTime, NodeId, Partition } from '../../core/ids.ts'
import { hybridAt } from '../../core/versioning/hybrid-time.ts'
import { ByteWriter, decodeWith } from '../../core/wire/bytes.ts'
import { readNode } from '../../core/wire/codec.ts'
import type { Clock, RowKey, Store, Write } from '../../ports.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Progress } from '../ownership/progress.ts'
import type { Retention } from '../ownership/retention.ts'
import type { Routing } from '../ownership/routing.ts'
import { repeat } from '../scheduling/timers.ts'

/** The row with the members that were out of reach. */
export const absencesRow: RowKey = ['meta', '', 'absences']

/**
 * The absence of one member, ms by the wall clock. `since`: its begin. `backAt`: the return of the member, 0 for not
 * yet.
 */
interface Absence {
  readonly since: number
  readonly backAt: number
}

/** The state that is kept between boots. A boot may be shorter than a step. */
interface Kept {
  /** The time of this node's last look, by its wall clock, ms; 0 for never. */
  readonly lookedAt: number
  readonly absent: ReadonlyMap<NodeId, Absence>
}

function encode({ lookedAt, absent }: Kept): Uint8Array {
  const writer = new ByteWriter()
  writer.integer(Math.max(0, Math.floor(lookedAt)))
  writer.list([...absent], ([node, { since, backAt }]) => {
    writer.hex(node)
    for (const time of [since, backAt]) writer.integer(Math.max(0, Math.floor(time)))
  })
  return writer.done()
}

const keptIn = (row: Uint8Array): Kept | null =>
  decodeWith(row, (reader) => {
    const lookedAt = reader.integer()
    const absence = () => ({ since: reader.integer(), backAt: reader.integer() })
    return { lookedAt, absent: new Map(reader.list(() => [readNode(reader), absence()] as const)) }
  })

export interface ForgettingParts {
  readonly store: Store
  readonly clock: Clock
  readonly routing: Routing
  readonly retention: Pick<Retention, 'ms'>
  readonly ownership: Pick<Ownership, 'wasSynced' | 'lost'>
  readonly progress: Progress
}

export class Forgetting {
  readonly #store: Store
  readonly #clock: Clock
  readonly #routing: Routing
  readonly #retention: Pick<Retention, 'ms'>
  readonly #ownership: Pick<Ownership, 'wasSynced' | 'lost'>
  readonly #progress: Progress
  /** By node and partition: the node's clock, less its retention, when it had last given all it had. */
  readonly #given = new Map<NodeId, Map<Partition, HybridTime>>()
  #lookedAt: number
  readonly #absent: Map<NodeId, Absence>

  /** `saved` is the row of an earlier boot, if there is one. */
  constructor(parts: ForgettingParts, saved: Uint8Array | undefined) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#routing = parts.routing
    this.#retention = parts.retention
    this.#ownership = parts.ownership
    this.#progress = parts.progress
    const kept = saved === undefined ? null : keptIn(saved)
    this.#lookedAt = kept?.lookedAt ?? 0
    this.#absent = new Map(kept?.absent)
  }

  /** Looks regularly how far each partition may be pruned, until the returned function is called. */
  start(chance: () => number): () => void {
    return repeat(this.#clock, this.#stepMs, chance, () => this.look())
  }

  get #stepMs(): number {
    return Math.min(this.#retention.ms / bounds.forgettingSteps, bounds.forgettingStepMsMax)
  }

  /** A node has given all it had of these partitions. `clock`: the node's clock at that time, less its retention. */
  received(from: NodeId, partitions: readonly Partition[], clock: HybridTime): void {
    const given = this.#given.get(from) ?? new Map<Partition, HybridTime>()
    this.#given.set(from, given)
    for (const partition of partitions) given.set(partition, clock)
    // A boot may be shorter than a step, so a look that is due is made now.
    if (this.#clock.wall() - this.#lookedAt >= this.#stepMs) void this.look()
    else void this.#progress.save()
  }

  /**
   * Rows of a partition are lost, or dropped because others own them. Earlier exchanges about it no longer count.
   * Returns the writes that belong in the transaction of that.
   */
  lost(partition: Partition, how: 'lost' | 'dropped'): readonly Write[] {
    for (const given of this.#given.values()) given.delete(partition)
    return [this.#progress.lost(partition, how), ...this.#ownership.lost(partition, how)]
  }

  /** Looks how far each partition may be pruned, and raises its horizon. */
  async look(): Promise<void> {
    this.#lookAround()
    this.#lookedAt = this.#clock.wall()
    const limit = this.#awaited()
    for (const partition of this.#routing.ownedBy(this.#routing.self)) {
      const others = this.#routing.ownersOf(partition).filter((owner) => owner !== this.#routing.self)
      if (others.length === 0 || !this.#ownership.wasSynced(partition)) continue
      const given = others.map((owner) => this.#given.get(owner)?.get(partition) ?? (0 as HybridTime))
      this.#progress.raise(partition, given.reduce(earlier, limit))
    }
    for (const node of this.#given.keys()) if (!this.#routing.isPlaced(node)) this.#given.delete(node)
    await this.#progress.save()
    await this.#save().catch(() => {})
  }

  /**
   * The limit that absent members set. Each absence of at most one retention holds the horizon back to its begin, less
   * the retention.
   */
  #awaited(): HybridTime {
    const wallMs = this.#clock.wall()
    const since = [...this.#absent.values()].map((each) => each.since).filter((at) => wallMs - at <= this.#retention.ms)
    return hybridAt(Math.min(wallMs, ...since) - this.#retention.ms)
  }

  /** Notes the members that are out of reach, and the begin of each absence. */
  #lookAround(): void {
    const wallMs = this.#clock.wall()
    const claims = this.#routing.claims.filter(({ node, status }) => node !== this.#routing.self && status !== 'left')
    for (const { node, status } of claims) {
      const absence = this.#absent.get(node)
      if (status !== 'alive') this.#absent.set(node, { since: absence?.since ?? (this.#lookedAt || wallMs), backAt: 0 })
      else if (absence?.backAt === 0) this.#absent.set(node, { ...absence, backAt: wallMs })
      // A member that is back has a step to give what it had. Looks are not evenly spaced, so half a step is the
      // measure.
      else if (absence !== undefined && wallMs - absence.backAt > this.#stepMs / 2) this.#absent.delete(node)
    }
    const known = new Set(claims.map(({ node }) => node))
    for (const [node, { since }] of this.#absent)
      if (!known.has(node) && wallMs - since > this.#retention.ms) this.#absent.delete(node)
  }

  async #save(): Promise<void> {
    const value = encode({ lookedAt: this.#lookedAt, absent: this.#absent })
    await this.#store.transact([], 'relaxed', () => ({ writes: [{ key: absencesRow, value }], result: undefined }))
  }
}

const earlier = (a: HybridTime, b: HybridTime): HybridTime => (a < b ? a : b)
