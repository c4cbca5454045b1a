/**
 * When a delete may be forgotten, and who wrote what was overwritten (design: forgetting).
 *
 * A tombstone may go once nothing that it has overwritten can come back. So nodes promise each other, in exchanges, to take in no
 * write older than the retention that they do not know. Where this node has all that each owner had after such a promise, the least
 * of the promises is the *horizon* of the partition: every write up to it is here, or was overwritten, and whatever is that old and
 * not here is none that anybody waits for. Horizons go along with the data: whoever has all that a node has takes its horizon over.
 *
 * The clock of a ring is that of its slowest owner, so a fast one makes nobody's writes late. A promise is told one step after it
 * is in force: what was decided before is stored by then. What a member may hold that is out of reach, and that the others never saw,
 * is waited for as long as the retention. All of it is flushed before it is relied on; who loses data loses the horizon too.
 */
import { bounds } from '../core/bounds.ts'
import type { HybridTime, NodeId, Partition } from '../core/ids.ts'
import { hybridAt } from '../core/versioning/hybrid-time.ts'
import { type ByteReader, ByteWriter, decodeWith } from '../core/wire/bytes.ts'
import { readNode } from '../core/wire/codec.ts'
import type { Standing } from '../core/wire/messages.ts'
import { readTime } from '../core/wire/record-codec.ts'
import type { Clock, Store, Write } from '../ports.ts'
import { gathered, repeat } from './deadline.ts'
import type { Ownership } from './ownership.ts'
import type { Routing } from './routing.ts'
import { forgettingRow } from './rows.ts'

const never = 0 as HybridTime

/** Of a node that has nothing to say. */
export const noStanding: Standing = { clock: never, promise: never, horizons: [] }

/** A member that was out of reach, ms by the wall clock: since when, and since when it has been back; 0 for not yet. */
interface Absence {
  readonly since: number
  readonly backAt: number
}

/** What is kept between boots, which may be shorter than a step. */
interface Kept {
  readonly promise: HybridTime
  readonly horizons: readonly HybridTime[]
  readonly given: readonly HybridTime[]
  /** When this node last looked, by its wall clock, ms. */
  readonly lookedAt: number
  readonly absent: ReadonlyMap<NodeId, Absence>
}

/** What counts of a session: what was promised when it began, and how often data had been lost by then. */
export interface Begun {
  readonly at: HybridTime
  readonly clock: HybridTime
  readonly promise: HybridTime
  readonly losses: number
}

/** How old a write may be. */
export interface AgeLimits {
  /** One up to then, and not known, comes too late. */
  readonly late: HybridTime
  /** Of one up to then it cannot be told yet whether it is known: this node has to catch up first. */
  readonly untold: HybridTime
}

function encode({ promise, horizons, given, lookedAt, absent }: Kept): Uint8Array {
  const writer = new ByteWriter()
  writer.integer(promise)
  writer.integer(Math.max(0, Math.floor(lookedAt)))
  for (const time of [...horizons, ...given]) writer.integer(time)
  writer.list([...absent], ([node, { since, backAt }]) => {
    writer.hex(node)
    for (const time of [since, backAt]) writer.integer(Math.max(0, Math.floor(time)))
  })
  return writer.done()
}

function keptIn(row: Uint8Array | undefined): Kept | null {
  if (row === undefined) return null
  return decodeWith(row, (reader) => {
    const promise = readTime(reader)
    const lookedAt = reader.integer()
    const [horizons, given] = [readTimes(reader), readTimes(reader)]
    const absence = () => ({ since: reader.integer(), backAt: reader.integer() })
    const absent = reader.list(() => [readNode(reader), absence()] as const)
    return { promise, lookedAt, horizons, given, absent: new Map(absent) }
  })
}

const readTimes = (reader: ByteReader) => Array.from({ length: bounds.partitions }, () => readTime(reader))
const nothingYet: readonly HybridTime[] = Array.from({ length: bounds.partitions }, () => never)

export class Forgetting {
  readonly #store: Store
  readonly #clock: Clock
  readonly #routing: Routing
  readonly #retentionMs: number
  readonly #ownership: () => Pick<Ownership, 'isInSync' | 'wasSynced'>
  /** In force; flushed; told to others. */
  #promise: HybridTime
  #flushed: HybridTime
  #told: HybridTime
  /** By partition, flushed. */
  readonly #horizons: HybridTime[]
  /** By partition: what was written here up to then another owner has too. */
  readonly #given: HybridTime[]
  /** Horizons to come, once they are flushed. */
  #raised = new Map<Partition, HybridTime>()
  /** Up to where this node has all writes of a partition that another one had, or may ever take in. */
  readonly #proofs = new Map<NodeId, Map<Partition, HybridTime>>()
  /** The clocks of others, less their retention, as they last told. */
  readonly #clocks = new Map<NodeId, HybridTime>()
  /** By the wall clock, ms; 0 for never. */
  #lookedAt: number
  readonly #absent: Map<NodeId, Absence>
  #losses = 0
  #saving: Promise<void> | undefined
  readonly #note: () => void

  /** `saved` is the row of an earlier boot, if there is one. */
  constructor(
    store: Store,
    clock: Clock,
    routing: Routing,
    retentionMs: number,
    ownership: () => Pick<Ownership, 'isInSync' | 'wasSynced'>,
    saved: Uint8Array | undefined,
  ) {
    this.#store = store
    this.#clock = clock
    this.#routing = routing
    this.#retentionMs = retentionMs
    this.#ownership = ownership
    this.#note = gathered(clock, bounds.givenNotedMs, () => void this.#save())
    const kept = keptIn(saved)
    this.#promise = kept?.promise ?? never
    this.#flushed = this.#promise
    this.#horizons = [...(kept?.horizons ?? nothingYet)]
    this.#given = [...(kept?.given ?? nothingYet)]
    this.#lookedAt = kept?.lookedAt ?? 0
    this.#absent = new Map(kept?.absent)
    // What an earlier boot decided is stored by now, or never will be.
    this.#told = earlier(this.#flushed, this.#awaited())
  }

  /** Looks from time to time how much may be forgotten, until the returned function is called. */
  start(chance: () => number): () => void {
    return repeat(this.#clock, this.#stepMs, chance, () => this.look())
  }

  get #stepMs(): number {
    return Math.min(this.#retentionMs / bounds.forgettingSteps, bounds.forgettingStepMsMax)
  }

  /** Every write of a partition up to then is here, or was overwritten. */
  horizonOf(partition: Partition): HybridTime {
    return this.#horizons[partition] ?? never
  }

  /** How old a write may be that is to be taken in. */
  limitsFor(partition: Partition): AgeLimits {
    const late = Math.max(this.#promise, this.horizonOf(partition)) as HybridTime
    if (this.#ownership().isInSync(partition)) return { late, untold: never }
    // What is not known here may be known to the others, who may have promised more than this node has heard of, by clocks ahead of ours.
    return { late: never, untold: later(late, hybridAt(this.#clock.wall() - this.#retentionMs / 2)) }
  }

  /** What was written here of a partition up to then, another owner has too. */
  givenUpTo(partition: Partition): HybridTime {
    return this.#given[partition] ?? never
  }

  /** Another owner has all that was here of these partitions when a session began. */
  given(partitions: readonly Partition[], { at }: Begun): void {
    for (const partition of partitions) this.#given[partition] = later(at, this.#given[partition])
    if (partitions.length > 0) this.#note()
  }

  /** What this node has promised: what it writes itself is younger. */
  get promise(): HybridTime {
    return this.#promise
  }

  /** A session begins: what is told in the end is of this moment. */
  begin(): Begun {
    return { at: hybridAt(this.#clock.wall()), clock: this.#oldest(), promise: this.#told, losses: this.#losses }
  }

  /** What this node says of partitions of which the other has all, in a session that has begun so. */
  standing({ clock, promise }: Begun, partitions: readonly Partition[]): Standing {
    const groups = new Map<HybridTime, Partition[]>()
    for (const partition of partitions) {
      if (!this.#ownership().wasSynced(partition)) continue
      const horizon = this.horizonOf(partition)
      const group = groups.get(horizon)
      if (group === undefined) groups.set(horizon, [partition])
      else group.push(partition)
    }
    return { clock, promise, horizons: [...groups].map(([horizon, of]) => ({ horizon, of })) }
  }

  /** This node has all that another one had of these partitions, and knows how that one stands. */
  received(from: NodeId, partitions: readonly Partition[], begun: Begun, standing: Standing): void {
    // What was lost meanwhile is not here.
    if (begun.losses !== this.#losses) return
    const all = new Set(partitions)
    this.#clocks.set(from, standing.clock)
    const proofs = this.#proofs.get(from) ?? new Map<Partition, HybridTime>()
    this.#proofs.set(from, proofs)
    for (const { horizon, of } of standing.horizons) {
      for (const partition of of) {
        // What is here of partitions of others are hints, and they go home.
        if (!all.has(partition) || !this.#routing.owns(partition)) continue
        proofs.set(partition, later(standing.promise, proofs.get(partition)))
        this.#raise(partition, horizon)
      }
    }
    // Boots may be shorter than a step.
    const isDue = this.#clock.wall() - this.#lookedAt >= this.#stepMs && this.#slowest() > this.#promise
    if (isDue) void this.look()
    else if (this.#raised.size > 0) void this.#save()
  }

  /**
   * Data of a partition was lost, or is dropped: what is not here is not known to have been overwritten. Returns what has to be
   * written with it.
   */
  lost(partition: Partition): Write {
    this.#losses += 1
    this.#horizons[partition] = never
    this.#raised.delete(partition)
    for (const proofs of this.#proofs.values()) proofs.delete(partition)
    return { key: forgettingRow, value: this.#encoded(this.#flushed, this.#horizons) }
  }

  /** Looks how much may be promised, and forgotten. */
  async look(): Promise<void> {
    this.#lookAround()
    this.#told = earlier(this.#flushed, this.#awaited())
    this.#promise = later(this.#promise, this.#slowest())
    this.#lookedAt = this.#clock.wall()
    for (const partition of this.#routing.ownedBy(this.#routing.self)) {
      const others = this.#routing.ownersOf(partition).filter((owner) => owner !== this.#routing.self)
      if (others.length === 0 || !this.#ownership().wasSynced(partition)) continue
      const proofs = others.map((owner) => this.#proofs.get(owner)?.get(partition) ?? never)
      this.#raise(partition, proofs.reduce(earlier, this.#told))
    }
    const isGone = (node: NodeId) => !this.#routing.isPlaced(node)
    for (const told of [this.#proofs, this.#clocks]) for (const node of told.keys()) if (isGone(node)) told.delete(node)
    await this.#save()
  }

  /** The time of this node's clock, less the retention. */
  #oldest(): HybridTime {
    return hybridAt(this.#clock.wall() - this.#retentionMs)
  }

  /** The least of the clocks of all that own partitions with this node; nothing while one of them is not known. */
  #slowest(): HybridTime {
    const { self } = this.#routing
    const owners = new Set(this.#routing.ownedBy(self).flatMap((partition) => this.#routing.ownersOf(partition)))
    owners.delete(self)
    if (owners.size === 0) return never
    return [...owners].map((owner) => this.#clocks.get(owner) ?? never).reduce(earlier, this.#oldest())
  }

  /** Up to where members that are out of reach have given what they had: for one retention they are waited for. */
  #awaited(): HybridTime {
    const wallMs = this.#clock.wall()
    const since = [...this.#absent.values()].map((each) => each.since).filter((at) => wallMs - at <= this.#retentionMs)
    return hybridAt(Math.min(wallMs, ...since) - this.#retentionMs)
  }

  /** Notes who is out of reach, and since when. */
  #lookAround(): void {
    const wallMs = this.#clock.wall()
    const claims = this.#routing.claims.filter(({ node, status }) => node !== this.#routing.self && status !== 'left')
    for (const { node, status } of claims) {
      const absence = this.#absent.get(node)
      if (status !== 'alive') this.#absent.set(node, { since: absence?.since ?? (this.#lookedAt || wallMs), backAt: 0 })
      else if (absence?.backAt === 0) this.#absent.set(node, { ...absence, backAt: wallMs })
      // Whoever is back has a step to give what it had, or what one can be at least.
      else if (absence !== undefined && wallMs - absence.backAt > this.#stepMs / 2) this.#absent.delete(node)
    }
    const known = new Set(claims.map(({ node }) => node))
    for (const [node, { since }] of this.#absent)
      if (!known.has(node) && wallMs - since > this.#retentionMs) this.#absent.delete(node)
  }

  #raise(partition: Partition, horizon: HybridTime): void {
    if (horizon > later(this.horizonOf(partition), this.#raised.get(partition))) this.#raised.set(partition, horizon)
  }

  /** Flushes what has been promised and what is to be forgotten; it is relied on after. A save that fails costs a step. */
  #save(): Promise<void> {
    this.#saving ??= Promise.resolve()
      .then(() => this.#saveNow())
      .catch(() => {})
      .finally(() => {
        this.#saving = undefined
      })
    return this.#saving
  }

  async #saveNow(): Promise<void> {
    const [promise, losses] = [this.#promise, this.#losses]
    const raised = this.#raised
    this.#raised = new Map()
    const horizons = this.#horizons.map((horizon, partition) => later(horizon, raised.get(partition as Partition)))
    await this.#store.transact([], 'strict', () => ({
      // What was lost while this waited is not claimed.
      writes: losses === this.#losses ? [{ key: forgettingRow, value: this.#encoded(promise, horizons) }] : [],
      result: undefined,
    }))
    if (losses !== this.#losses) return
    this.#flushed = promise
    for (const [partition, horizon] of horizons.entries()) this.#horizons[partition] = horizon
  }

  #encoded(promise: HybridTime, horizons: readonly HybridTime[]): Uint8Array {
    return encode({ promise, horizons, given: this.#given, lookedAt: this.#lookedAt, absent: this.#absent })
  }
}

const later = (a: HybridTime, b: HybridTime = never): HybridTime => (a > b ? a : b)
const earlier = (a: HybridTime, b: HybridTime): HybridTime => (a < b ? a : b)
