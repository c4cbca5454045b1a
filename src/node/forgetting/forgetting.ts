/**
 * Forgetting: the pruning of tombstones, and of names of overwritten writes (not in the paper).
 *
 * This node notes what each owner has given, and which members are out of reach. Regularly it raises the *horizon* of
 * each partition by the rule in `core/acceptance/horizon.ts`. A horizon decides which names may be pruned, and never
 * which writes survive: later arrivals are taken in (`core/acceptance`).
 */
import { type Absence, type Absences, absencesAfter, horizonOf, limitOf } from '../../core/acceptance/horizon.ts'
import { bounds } from '../../core/bounds.ts'
import type { HybridTime, NodeId, Partition } from '../../core/ids.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
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

/** The state that is kept between boots. A boot may be shorter than a step. */
interface Kept {
  /** The time of this node's last look, by its wall clock, ms; 0 for never. */
  readonly lookedAt: number
  readonly absent: Absences
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
    const absence = (): Absence => ({ since: reader.integer(), backAt: reader.integer() })
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
  #absent: Absences

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
    this.#absent = kept?.absent ?? new Map()
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
    const [retentionMs, wallMs] = [this.#retention.ms, this.#clock.wall()]
    const look = { wallMs, lookedAt: this.#lookedAt, stepMs: this.#stepMs, retentionMs }
    this.#absent = absencesAfter(this.#absent, this.#members, look)
    this.#lookedAt = wallMs
    const limit = limitOf(this.#absent, look)
    for (const partition of this.#routing.ownedBy(this.#routing.self)) {
      const others = this.#routing.ownersOf(partition).filter((owner) => owner !== this.#routing.self)
      if (others.length === 0 || !this.#ownership.wasSynced(partition)) continue
      const given = others.map((owner) => this.#given.get(owner)?.get(partition) ?? hybridZero)
      this.#progress.raise(partition, horizonOf(limit, given))
    }
    for (const node of this.#given.keys()) if (!this.#routing.isPlaced(node)) this.#given.delete(node)
    await this.#progress.save()
    await this.#save().catch(() => {})
  }

  /** The other members that have not left. */
  get #members(): ReadonlyMap<NodeId, 'here' | 'absent'> {
    const others = this.#routing.claims.filter(({ node, status }) => node !== this.#routing.self && status !== 'left')
    return new Map(others.map(({ node, status }) => [node, status === 'alive' ? 'here' : 'absent'] as const))
  }

  async #save(): Promise<void> {
    const value = encode({ lookedAt: this.#lookedAt, absent: this.#absent })
    await this.#store.transact([], 'relaxed', () => ({ writes: [{ key: absencesRow, value }], result: undefined }))
  }
}
