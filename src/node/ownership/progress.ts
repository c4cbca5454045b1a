/**
 * Progress: the writes that this node has received of every other node, and the reverse (Dynamo, section 4.7).
 *
 * etcd's raft uses the same name for the same thing. Forgetting, dropping and exchanges ask it. It counts in sessions,
 * never in times of a clock. Each exchange begins with a copy of the state here, taken before any trie is read, and
 * tells only that copy at its end. An owner adopts a peer's account of a partition only from a whole exchange, after
 * its own rows are flushed. A lost row deletes the received vector and the horizon of its partition. The end of
 * ownership does so too.
 */
import {
  type BootNumber,
  isReceived,
  nothingReceived,
  type ReceivedVector,
  type Session,
  type Stamp,
  withReceived,
} from '../../core/acceptance/sessions.ts'
import { bounds } from '../../core/bounds.ts'
import type { HybridTime, NodeId, Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import { hybridAt } from '../../core/versioning/hybrid-time.ts'
import { ByteReader, ByteWriter } from '../../core/wire/bytes.ts'
import type { Codec } from '../../core/wire/codec.ts'
import type { Account, ExchangeTerms, Told } from '../../core/wire/messages.ts'
import { grouped, groupedOf, session, time, told, ungrouped } from '../../core/wire/progress-codec.ts'
import { readTime } from '../../core/wire/record-codec.ts'
import { opened, sealed } from '../../core/wire/sealed.ts'
import type { Clock, Durability, RowKey, Store, Write } from '../../ports.ts'
import { debounced } from '../scheduling/timers.ts'
import type { Retention } from './retention.ts'
import type { Routing } from './routing.ts'

/** The row with the received vectors, horizons and floors of all partitions. */
export const progressRow: RowKey = ['meta', '', 'progress']

/** The same row in version 0.1.0. */
export const formerForgettingRow: RowKey = ['meta', '', 'forgetting']

const never = 0 as HybridTime

/** The progress of one partition. It is immutable: partitions with equal progress share one object. */
interface Kept extends Told {
  /** Names in rows here may have been pruned up to this time, by this node or by a peer that gave the rows. */
  readonly floor: HybridTime
}

const nothing: Kept = { received: nothingReceived, horizon: never, floor: never }

/** The state here when a session began. */
export interface Begun {
  readonly session: Session
  readonly clock: HybridTime
  readonly losses: number
  readonly kept: readonly Kept[]
}

/** The terms of the other side of a session, heard before records move. */
export interface Heard {
  readonly received: ReadonlyMap<Partition, Session>
  readonly floors: ReadonlyMap<Partition, HybridTime>
}

export const nothingHeard: Heard = { received: new Map(), floors: new Map() }

const keptOne: Codec<Kept> = {
  write: (writer, { floor, ...kept }) => {
    time.write(writer, floor)
    told.write(writer, kept)
  },
  read: (reader) => ({ floor: time.read(reader), ...told.read(reader) }),
}
const keptRow = groupedOf(keptOne)

export class Progress {
  readonly #store: Store
  readonly #clock: Clock
  readonly #routing: Routing
  readonly #retention: Pick<Retention, 'ms'>
  readonly #boot: BootNumber
  /** By partition: the floor before a peer stated a later one. An exchange that brings the rows raises the horizon. */
  readonly #floorsBefore = new Map<Partition, HybridTime>()
  readonly #kept: Kept[]
  /** Horizons that hold once they are flushed. */
  #raised = new Map<Partition, HybridTime>()
  /** The session that siblings are stamped with now. `#isUsed`: one was stamped, or a record changed, in it. */
  #count = 1
  #isUsed = false
  /** By partition: the session in which it changed last. */
  readonly #changedAt = new Map<Partition, number>()
  /** By node and partition: the node has all that was stored here before that session of this boot. */
  readonly #given = new Map<NodeId, Map<Partition, number>>()
  #losses = 0
  /** By partition: which loss was its last one. */
  readonly #lostAt = new Map<Partition, number>()
  #saving: Promise<void> | undefined
  readonly #saveSoon: () => void

  /** `saved`: the rows of an earlier boot, in the present format and in that of version 0.1.0. `boot`: this boot. */
  constructor(
    store: Store,
    clock: Clock,
    routing: Routing,
    retention: Pick<Retention, 'ms'>,
    { boot, saved }: { readonly boot: BootNumber; readonly saved: readonly (Uint8Array | undefined)[] },
  ) {
    this.#store = store
    this.#clock = clock
    this.#routing = routing
    this.#retention = retention
    this.#boot = boot
    this.#kept = keptIn(saved)
    this.#saveSoon = debounced(clock, bounds.progressSavedMs, () => void this.#write('relaxed').catch(() => {}))
  }

  /** The number of this boot. The next one is higher. */
  get boot(): number {
    return this.#boot.number
  }

  /** The stamp of a sibling that comes to a row now. A caller reads it while its transaction is decided. */
  get stamp(): Stamp {
    this.#isUsed = true
    return { boot: this.#boot.number, count: this.#count }
  }

  /** A record of a partition changed. */
  changed(partition: Partition): void {
    this.#changedAt.set(partition, this.#count)
    this.#isUsed = true
  }

  /**
   * Begins a session, before any trie is read. `openSince`: the earliest stamp of transactions that are decided and not
   * yet reported as ended. Their rows may not be in the tries yet.
   */
  begin(openSince: number | null): Begun {
    if (this.#isUsed) this.#count += 1
    this.#isUsed = false
    const { number, tag } = this.#boot
    const count = Math.min(this.#count, openSince ?? this.#count)
    const clock = hybridAt(this.#clock.wall() - this.#retention.ms)
    return { session: { boot: number, tag, count }, clock, losses: this.#losses, kept: [...this.#kept] }
  }

  #of(partition: Partition, kept: readonly Kept[] = this.#kept): Kept {
    return kept[partition] ?? nothing
  }

  /** Names and tombstones of a partition may be pruned up to this time. */
  horizonOf(partition: Partition): HybridTime {
    return this.#of(partition).horizon
  }

  /**
   * Names and tombstones of a partition may have been pruned up to this time. `begun`: as it was when that session
   * began.
   */
  floorOf(partition: Partition, begun?: Begun): HybridTime {
    const { horizon, floor } = this.#of(partition)
    // Pruning here since then counts. Pruning by a peer since then did not touch the rows that were here before.
    return begun === undefined ? floor : later(this.#of(partition, begun.kept).floor, horizon)
  }

  /** The floor of the rows that are here: without floors of peers whose rows may be still to come. */
  floorOfRows(partition: Partition): HybridTime {
    return later(this.#floorsBefore.get(partition) ?? this.floorOf(partition), this.horizonOf(partition))
  }

  /** The terms that this node states before records of these partitions move. */
  termsFor(node: NodeId, partitions: readonly Partition[], begun: Begun): ExchangeTerms {
    const { kept } = begun
    // A partition of which rows were found lost since the session began claims nothing as received.
    const of = partitions.filter((partition) => !this.hasLost(begun, partition))
    const received = grouped(of, session, (partition) => this.#of(partition, kept).received.get(node))
    const floors = grouped(partitions, time, (partition) => this.#of(partition, kept).floor || undefined)
    return { received, floors }
  }

  /** Raises this node's floors to the peer's. Resolves once they are stored, so that no value is taken in before. */
  async heard(terms: ExchangeTerms): Promise<Heard> {
    const floors = ungrouped(terms.floors)
    let isRaised = false
    for (const [partition, floor] of floors) {
      const kept = this.#of(partition)
      if (!this.#routing.owns(partition) || floor <= kept.floor) continue
      if (!this.#floorsBefore.has(partition)) this.#floorsBefore.set(partition, kept.floor)
      this.#kept[partition] = { ...kept, floor }
      isRaised = true
    }
    if (isRaised) await this.#write('relaxed')
    return { received: ungrouped(terms.received), floors }
  }

  /** True if rows of a partition were lost or dropped here since a session began. */
  hasLost({ losses }: Begun, partition: Partition): boolean {
    return (this.#lostAt.get(partition) ?? 0) > losses
  }

  /** True if the other side had received a sibling of this node before the session. */
  isKnown({ received }: Heard, partition: Partition, stamp: Stamp | undefined): boolean {
    return isReceived(received.get(partition), stamp, this.#boot.boots)
  }

  /**
   * The account that this node gives to a peer that now has all of these partitions. It states a horizon only for
   * partitions that are in sync.
   */
  accountOf(partitions: readonly Partition[], begun: Begun, isInSync: (partition: Partition) => boolean): Account {
    const { clock, kept } = begun
    // Rows that were lost or dropped meanwhile were not given.
    const of = partitions.filter((partition) => !this.hasLost(begun, partition))
    const outOfSync = sharing((each: Kept): Told => ({ ...each, horizon: never }))
    const tellOf = (partition: Partition): Told => {
      const each = this.#of(partition, kept)
      return isInSync(partition) ? each : outOfSync(each)
    }
    return { session: begun.session, clock, kept: grouped(of, told, tellOf) }
  }

  /**
   * This node has all that a peer had of these partitions, flushed. For those it owns it adopts the peer's account and
   * horizons. Returns the adopted partitions: those of which no row was lost meanwhile, at either end.
   */
  received(from: NodeId, partitions: readonly Partition[], begun: Begun, account: Account): readonly Partition[] {
    const isDue = (partition: Partition) => this.#routing.owns(partition) && !this.hasLost(begun, partition)
    const due = new Set(partitions.filter(isDue))
    const adopted: Partition[] = []
    for (const { is, of } of account.kept) {
      const next = sharing((kept: Kept) => this.#withAccount(kept, from, account.session, is.received))
      for (const partition of of) {
        if (!due.has(partition)) continue
        this.#kept[partition] = next(this.#of(partition))
        this.raise(partition, is.horizon)
        adopted.push(partition)
      }
    }
    if (adopted.length > 0) this.#saveSoon()
    return adopted
  }

  #withAccount(kept: Kept, from: NodeId, session: Session, theirs: ReceivedVector): Kept {
    const others = [...theirs].filter(([node]) => node !== this.#routing.self)
    const received = [...others, [from, session] as const].reduce(
      (vector, [node, each]) => withReceived(vector, node, each, bounds.receivedNodesMax),
      kept.received,
    )
    return received === kept.received ? kept : { ...kept, received }
  }

  /** A node holds, flushed, all that was here of these partitions when a session began. */
  gave(node: NodeId, partitions: readonly Partition[], { session }: Begun): void {
    const given = this.#given.get(node) ?? new Map<Partition, number>()
    this.#given.set(node, given)
    for (const partition of partitions) given.set(partition, session.count)
  }

  /** True if a node holds, flushed, all that is here of a partition, as far as commits have been reported. */
  hasAll(node: NodeId, partition: Partition): boolean {
    const given = this.#given.get(node)?.get(partition)
    return given !== undefined && given > (this.#changedAt.get(partition) ?? 0)
  }

  /**
   * Follows a change of placement. If an ownership has ended, here or at another node, the progress of that partition
   * is forgotten, except for the floor here.
   */
  follow(): void {
    for (const partition of allPartitions) {
      const kept = this.#of(partition)
      if (this.#routing.owns(partition) || (kept.horizon === never && kept.received.size === 0)) continue
      this.#raised.delete(partition)
      this.#floorsBefore.delete(partition)
      this.#kept[partition] = { ...nothing, floor: kept.floor }
    }
    for (const [node, given] of this.#given) {
      for (const partition of given.keys())
        if (!this.#routing.ownersOf(partition).includes(node)) given.delete(partition)
      if (given.size === 0) this.#given.delete(node)
    }
    this.#saveSoon()
  }

  /**
   * Rows of a partition are lost, or dropped because others own them. Returns the write that belongs in the transaction
   * of that.
   */
  lost(partition: Partition, how: 'lost' | 'dropped'): Write {
    this.#losses += 1
    this.#lostAt.set(partition, this.#losses)
    this.#raised.delete(partition)
    this.#floorsBefore.delete(partition)
    this.#kept[partition] = how === 'dropped' ? nothing : { ...nothing, floor: this.#of(partition).floor }
    return this.#row()
  }

  /** Raises a horizon: names of the partition may be pruned up to it once it is flushed. */
  raise(partition: Partition, horizon: HybridTime): void {
    if (horizon > later(this.horizonOf(partition), this.#raised.get(partition))) this.#raised.set(partition, horizon)
  }

  /** Flushes raised horizons; they hold from then on. After a failed save the next step raises them again. */
  save(): Promise<void> {
    if (this.#raised.size === 0) return Promise.resolve()
    this.#saving ??= this.#raiseAll()
      .catch(() => {})
      .finally(() => {
        this.#saving = undefined
      })
    return this.#saving
  }

  async #raiseAll(): Promise<void> {
    const [raised, losses] = [this.#raised, this.#losses]
    this.#raised = new Map()
    const isDue = (partition: Partition) => raised.has(partition) && this.#routing.owns(partition)
    const next = (partition: Partition) => {
      const kept = this.#of(partition)
      // Rows were lost while this waited, so the horizon is not claimed.
      if (losses !== this.#losses || !isDue(partition)) return kept
      const horizon = later(kept.horizon, raised.get(partition))
      return { ...kept, horizon, floor: later(kept.floor, horizon) }
    }
    await this.#write('strict', next)
    for (const partition of raised.keys()) this.#kept[partition] = next(partition)
    this.#share()
  }

  async #write(durability: Durability, isOf?: (partition: Partition) => Kept): Promise<void> {
    // A row written in the middle of a raise would lack it, and would overwrite it.
    if (durability === 'relaxed') await this.#saving
    await this.#store.transact([], durability, () => ({
      writes: [this.#row(isOf), { key: formerForgettingRow, value: null }],
      result: undefined,
    }))
  }

  #row(isOf: (partition: Partition) => Kept = (partition) => this.#of(partition)): Write {
    const writer = new ByteWriter()
    keptRow.write(writer, grouped(allPartitions, keptOne, isOf))
    return { key: progressRow, value: sealed(writer.done()) }
  }

  /** Lets partitions with equal progress share one object again. A shared object is compared, told and written once. */
  #share(): void {
    for (const { is, of } of grouped(allPartitions, keptOne, (partition) => this.#of(partition)))
      for (const partition of of) this.#kept[partition] = is
  }
}

/** Memoizes `make` by its argument. */
function sharing<T, U>(make: (value: T) => U): (value: T) => U {
  const made = new Map<T, U>()
  return (value) => {
    const known = made.get(value) ?? make(value)
    made.set(value, known)
    return known
  }
}

/**
 * Takes over nothing but floors from version 0.1.0. That version stamped no rows, and its horizons claimed more than
 * was received.
 */
function keptIn([saved, former]: readonly (Uint8Array | undefined)[]): Kept[] {
  const known = opened(
    saved,
    () => {},
    (reader) => keptRow.read(reader),
  )
  if (known !== null) {
    const kept = ungrouped(known)
    return allPartitions.map((partition) => kept.get(partition) ?? nothing)
  }
  if (former === undefined) return allPartitions.map(() => nothing)
  const reader = new ByteReader(former)
  const promise = readTime(reader)
  reader.integer()
  return allPartitions.map(() => ({ ...nothing, floor: later(promise, readTime(reader)) }))
}

const later = (a: HybridTime, b: HybridTime = never): HybridTime => (a > b ? a : b)
