/**
 * Forgetting: up to when names of overwritten writes, and tombstones, may be pruned (design: forgetting).
 *
 * The *horizon* of a partition is one retention before the moment at which every other owner had given all it had, by
 * the slowest clock of them. A member that is out of reach may hold what the others never saw, so it is waited for:
 * for one retention, and no longer. A horizon decides what may be pruned, and never whose writes survive: what comes
 * later than that is taken in (`core/acceptance`).
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

/** The row that says who was out of reach, and since when. */
export const absencesRow: RowKey = ['meta', '', 'absences']

/** A member that was out of reach, ms by the wall clock: since when, and since when it has been back; 0 for not yet. */
interface Absence {
  readonly since: number
  readonly backAt: number
}

/** What is kept between boots, which may be shorter than a step. */
interface Kept {
  /** When this node last looked, by its wall clock, ms; 0 for never. */
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
  /** The clocks of others, less the retention, when they had last given all they had of a partition. */
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

  /** Looks from time to time how much may be forgotten, until the returned function is called. */
  start(chance: () => number): () => void {
    return repeat(this.#clock, this.#stepMs, chance, () => this.look())
  }

  get #stepMs(): number {
    return Math.min(this.#retention.ms / bounds.forgettingSteps, bounds.forgettingStepMsMax)
  }

  /** A node has given all it had of these partitions, at a time of its clock, less the retention. */
  received(from: NodeId, partitions: readonly Partition[], clock: HybridTime): void {
    const given = this.#given.get(from) ?? new Map<Partition, HybridTime>()
    this.#given.set(from, given)
    for (const partition of partitions) given.set(partition, clock)
    // Boots may be shorter than a step.
    if (this.#clock.wall() - this.#lookedAt >= this.#stepMs) void this.look()
    else void this.#progress.save()
  }

  /**
   * Rows of a partition are lost, or dropped because others own them: what was given and received of it before counts
   * no more. Returns what to write with that.
   */
  lost(partition: Partition, how: 'lost' | 'dropped'): readonly Write[] {
    for (const given of this.#given.values()) given.delete(partition)
    return [this.#progress.lost(partition, how), ...this.#ownership.lost(partition, how)]
  }

  /** Looks how much may be forgotten. */
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

  /** Up to where members that are out of reach have given what they had: for one retention they are waited for. */
  #awaited(): HybridTime {
    const wallMs = this.#clock.wall()
    const since = [...this.#absent.values()].map((each) => each.since).filter((at) => wallMs - at <= this.#retention.ms)
    return hybridAt(Math.min(wallMs, ...since) - this.#retention.ms)
  }

  /** Notes who is out of reach, and since when. */
  #lookAround(): void {
    const wallMs = this.#clock.wall()
    const claims = this.#routing.claims.filter(({ node, status }) => node !== this.#routing.self && status !== 'left')
    for (const { node, status } of claims) {
      const absence = this.#absent.get(node)
      if (status !== 'alive') this.#absent.set(node, { since: absence?.since ?? (this.#lookedAt || wallMs), backAt: 0 })
      else if (absence?.backAt === 0) this.#absent.set(node, { ...absence, backAt: wallMs })
      // A member that is back has a step to give what it had, or what one can be at least.
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
