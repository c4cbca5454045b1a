/**
 * Replica: the records of this node's partitions, and beside them its hints for other nodes (Dynamo, sections 4.5, 4.6
 * and 5; see `hints.ts`).
 *
 * A record that arrives is joined to its row in a transaction. The caller's promise resolves when that is complete. An
 * owner keeps one row of it: the other owners get that row in an exchange. A node that does not own the partition keeps
 * the record as a hint for the owners. So no accepted write is dropped because views of the ring differ for a moment.
 */
import { accept } from '../../core/acceptance/acceptance.ts'
import { bounds } from '../../core/bounds.ts'
import { keyHashOf, partitionOf } from '../../core/hash.ts'
import type { HybridTime, NodeId, Partition, StoredKey } from '../../core/ids.ts'
import { type Forest, partitionIn } from '../../core/merkle/forest.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
import {
  emptyRecord,
  join,
  prune,
  type Record,
  reusedDots,
  saysNothing,
  withoutExpired,
} from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { versionOf } from '../../core/wire/record-codec.ts'
import type { Clock, Durability, Write } from '../../ports.ts'
import type { Forgetting } from '../forgetting/forgetting.ts'
import type { LateWrites } from '../forgetting/late-writes.ts'
import type { Progress } from '../ownership/progress.ts'
import type { Routing } from '../ownership/routing.ts'
import type { HybridClock } from '../scheduling/hybrid-clock.ts'
import type { FlushingStore } from './flushing-store.ts'
import { HintRefused } from './hint-index.ts'
import { Hints } from './hints.ts'
import { type Change, MerkleIndex } from './merkle-index.ts'
import {
  type Asked,
  type Coming,
  foldedByKey,
  type Incoming,
  Intake,
  type Local,
  type ReplicaLimits,
  reportReuse,
  StorageEvents,
  type Taken,
  watched,
} from './replica-port.ts'
import {
  hintIn,
  hintRow,
  type KeyChange,
  recordRow,
  recordRowAt,
  recordWrite,
  type StoredRecord,
  stampsOf,
} from './rows.ts'

/** An incoming record with the hash of its key, computed once. */
interface Placed extends Incoming {
  readonly hash: Uint8Array
}

export interface ReplicaParts {
  readonly store: FlushingStore
  readonly routing: Routing
  readonly clock: Pick<Clock, 'wall'>
  readonly hybrid: HybridClock
  readonly limits: ReplicaLimits
  readonly progress: Pick<Progress, 'horizonOf' | 'floorOf' | 'changed' | 'stamp'>
  readonly forgetting: Pick<Forgetting, 'lost'>
  readonly late: Pick<LateWrites, 'tell'>
}

export class Replica {
  readonly on: StorageEvents = new StorageEvents()
  readonly #store: FlushingStore
  readonly #routing: Routing
  readonly #index: MerkleIndex
  /** The hints for other nodes. */
  readonly hints: Hints
  readonly #clock: Pick<Clock, 'wall'>
  readonly #hybrid: HybridClock
  readonly #limits: ReplicaLimits
  readonly #progress: Pick<Progress, 'horizonOf' | 'floorOf' | 'changed' | 'stamp'>
  readonly #forgetting: Pick<Forgetting, 'lost'>
  readonly #late: Pick<LateWrites, 'tell'>
  /** The terms of a put or hint. */
  readonly written: Coming

  constructor(parts: ReplicaParts) {
    this.#store = parts.store
    this.#routing = parts.routing
    this.#clock = parts.clock
    this.#hybrid = parts.hybrid
    this.#limits = parts.limits
    this.#progress = parts.progress
    this.#forgetting = parts.forgetting
    this.#late = parts.late
    this.written = {
      origin: 'written',
      floorOf: (partition) => parts.progress.floorOf(partition),
      giverFloorOf: () => hybridZero,
      isKept: () => false,
    }
    this.#index = new MerkleIndex(parts.store, parts.limits.hints, parts.progress, parts.forgetting, this.on)
    this.hints = new Hints(parts.store, this.#index, parts.limits, this.on)
  }

  /** The tries of all partitions; see `MerkleIndex`. */
  forest(): Promise<Forest> {
    return this.#index.forest()
  }

  /**
   * Compares the rows of a partition with its trie. Returns the number of keys that differed; afterwards the trie
   * matches the rows. On the way it gives up values that expired a while ago, and prunes records. If the store fails at
   * that, the failure is reported, and the next scrub tries again.
   */
  async scrub(partition: Partition): Promise<number> {
    const due: StoredKey[] = []
    const differing = await this.#index.scrub(partition, (found) => {
      if (this.#pruned(found) !== found.record) due.push(found.key)
    })
    await this.#pruneRows(due)
    return differing
  }

  /** Rewrites records without the values and names that are no longer needed. */
  async #pruneRows(due: readonly StoredKey[]): Promise<void> {
    for (let at = 0; at < due.length; at += bounds.checkpointRows) {
      const keys = due.slice(at, at + bounds.checkpointRows).map((key) => ({ hash: keyHashOf(key), key }))
      const decide = (rows: readonly (Uint8Array | undefined)[]) => this.#pruning(keys, rows)
      const places = keys.map(({ hash }) => recordRowAt(hash))
      const change = this.#index.change(keys, places, 'relaxed', decide, () => {})
      await watched(this.on, change).catch(() => {})
    }
  }

  #pruning(
    keys: readonly Pick<Placed, 'hash' | 'key'>[],
    rows: readonly (Uint8Array | undefined)[],
  ): Change<undefined> {
    const writes: Write[] = []
    const changes: KeyChange[] = []
    for (const [index, { hash }] of keys.entries()) {
      const stored = this.#index.recordChanged(hash, rows[index], writes)
      const record = stored === null ? null : this.#pruned(stored)
      if (stored === null || record === null || record === stored.record) continue
      const version = saysNothing(record) ? null : versionOf(record)
      writes.push(recordWrite(hash, { ...stored, record }, version))
      // A record keeps its version when a value is given up.
      if (!isSame(version, stored.version)) changes.push({ hash, version })
    }
    return { writes, changes, result: undefined }
  }

  /** The record without values and names that are no longer needed. The same object if all are needed. */
  #pruned({ key, record }: KeyedRecord): Record {
    const whole = withoutExpired(record, this.#clock.wall() - this.#limits.expiredKeptMs)
    return prune(whole, this.#horizonOf(key, partitionOf(key)))
  }

  /** Names up to this time may be pruned. No name is while a hint of the key may be here: it may hold what they name. */
  #horizonOf(key: StoredKey, partition: Partition): HybridTime {
    return this.#index.hints.mayHave(key) ? hybridZero : this.#progress.horizonOf(partition)
  }

  /** Stores the changed tries if the journal has `commitsMin` commits, so that the next start has less to replay. */
  checkpoint(commitsMin: number = bounds.checkpointCommitsMin): Promise<void> {
    return this.#index.checkpoint(commitsMin)
  }

  /** True if records of a partition are here, as far as the tries tell without asking the store. */
  holds(partition: Partition): boolean {
    return this.#index.holds(partition)
  }

  /** The earliest session of a transaction that is decided and not yet reported as ended. Null for none. */
  get openSince(): number | null {
    return this.#index.openSince
  }

  /** True if a change of a partition is decided and not yet reported as ended. The store may have it already. */
  isChanging(partition: Partition): boolean {
    return this.#index.isChanging(partition)
  }

  get recordCount(): number {
    return this.#index.recordCount
  }

  async read(key: StoredKey): Promise<Local> {
    const [local] = await this.readEach([key])
    return local as Local
  }

  async readEach(keys: readonly StoredKey[]): Promise<readonly Local[]> {
    const places = keys.flatMap((key) => [recordRow(key), hintRow(key)])
    const rows = await watched(this.on, this.#store.read(places))
    return keys.map((key, index) => {
      const hash = keyHashOf(key)
      const stored = this.#index.recordAt(hash, rows[2 * index])
      const hint = hintIn(rows[2 * index + 1], () => this.on.corrupt(`the hint of ${key}`))
      const record = join(stored?.record ?? emptyRecord, hint.record)
      this.#seeTimes(record)
      return { record, hinted: hint.targets.length > 0, isLost: stored === null && this.#index.isExpected(hash) }
    })
  }

  /** This node's own records with these key hashes, pruned, without hints. Keys without a record are left out. */
  async records(hashes: readonly Uint8Array[]): Promise<readonly StoredRecord[]> {
    const rows = await watched(this.on, this.#store.read(hashes.map(recordRowAt)))
    const found = hashes.flatMap((hash, index) => this.#index.recordAt(hash, rows[index]) ?? [])
    // A missing row may be a loss. Its key is looked up before the caller can tell a peer about the partition.
    if (found.length < hashes.length) await this.#index.forest()
    const due = found.filter((stored) => this.#pruned(stored) !== stored.record)
    if (due.length === 0) return found
    // A peer that has pruned its copy already would find a difference, and would get the record again and again.
    await this.#pruneRows(due.map(({ key }) => key))
    return found
      .map((stored) => ({ ...stored, record: this.#pruned(stored) }))
      .filter((each) => !saysNothing(each.record))
  }

  /**
   * Joins records in. An owner joins them to its own records. Any other node keeps hints for `hintFor`, or for the
   * owners if it names no other node. A record without siblings only joins the own record. Rejects with a `HintRefused`
   * if `asked` is `another` and there is no room for hints.
   */
  async take(
    incoming: readonly Incoming[],
    durability: Durability,
    asked: Asked = 'this node',
    coming: Coming = this.written,
  ): Promise<Taken> {
    const entries = foldedByKey(incoming).map((entry) => ({ ...entry, hash: keyHashOf(entry.key) }))
    // Hint rows are read only for entries that need a hint by now. If the transaction finds more, it begins again.
    const isHinted = entries.map((entry) => this.#targetsOf(entry).length > 0)
    const places = entries.flatMap(({ hash, key }, index) => [
      recordRowAt(hash),
      ...(isHinted[index] ? [hintRow(key)] : []),
    ])
    let intake = new Intake()
    const decide = (found: readonly (Uint8Array | undefined)[]): Change<'taken' | 'again' | 'refused'> => {
      const rows = [...found].reverse()
      const writes: Write[] = []
      const { late } = intake
      const nothing = <T>(result: T) => {
        intake = new Intake(late)
        return { writes: [], changes: [], result }
      }
      intake = new Intake(late)
      for (const [index, entry] of entries.entries()) {
        const record = rows.pop()
        const hint = isHinted[index] ? rows.pop() : undefined
        // The row is chosen with the rows at hand: ownership may have moved while the transaction waited.
        const targets = this.#targetsOf(entry)
        if (targets.length === 0) {
          this.#joinRecord(entry, record, coming, writes, intake)
          continue
        }
        if (!isHinted[index]) return nothing('again')
        const kept = this.hints.join({ ...entry, targets }, hint, writes, intake)
        if (asked === 'another' && this.#index.hints.refuses(entry.key, kept)) return nothing('refused')
        intake.hinted.set(entry.key, kept)
      }
      for (const key of intake.hinted.keys()) this.#index.hints.expect(key)
      return { writes, changes: intake.changes, result: 'taken' }
    }
    const change = this.#index.change(entries, places, durability, decide, (_, changes) => {
      for (const [key, kept] of intake.hinted) this.#index.hints.set(key, kept)
      for (const { hash } of changes) this.#index.written(partitionIn(hash))
      this.on.taken(entries.map(({ key }) => key))
      for (const [key, siblings] of intake.crowded) this.on.crowded(key, siblings)
      this.on.kept(intake.hinted)
    })
    // A transaction that failed may have taken effect.
    const told = change.finally(() => this.#tellLate(intake))
    const result = await watched(this.on, told)
    if (result === 'taken') this.on.storageWas('ok')
    if (result === 'refused') {
      this.on.refused(incoming)
      throw new HintRefused()
    }
    if (result === 'again') return this.take(incoming, durability, asked, coming)
    for (const { record } of incoming) this.#seeTimes(record)
    return intake
  }

  #tellLate({ late }: Intake): void {
    for (const [key, siblings] of late) this.#late.tell(key, siblings)
  }

  /** The nodes for which a record is kept as a hint. None: it joins this node's own record. */
  #targetsOf({ hash, hintFor, record }: Placed): readonly NodeId[] {
    const partition = partitionIn(hash)
    // Names of overwritten writes concern the rows here, no matter which node owns the partition.
    if (record.siblings.length === 0 || this.#routing.owns(partition)) return []
    const others = hintFor.filter((node) => node !== this.#routing.self)
    return others.length > 0 ? others : this.#routing.ownersOf(partition)
  }

  /** Joins a record to this node's own record. */
  #joinRecord(
    { hash, key, record: incoming, received = [] }: Placed,
    held: Uint8Array | undefined,
    coming: Coming,
    writes: Write[],
    intake: Intake,
  ): void {
    const stored = this.#index.recordChanged(hash, held, writes)
    const partition = partitionIn(hash)
    // The horizon is read after the row: a lost row deletes it, with the received vector.
    const horizon = this.#horizonOf(key, partition)
    const isLost = stored === null && this.#index.isExpected(hash)
    const mine = prune(stored?.record ?? emptyRecord, horizon)
    reportReuse(this.on, key, reusedDots(mine, incoming))
    const floors = { floor: coming.floorOf(partition), giverFloor: coming.giverFloorOf(partition) }
    const terms = { origin: coming.origin, received: !isLost && coming.isKept(partition) ? received : [], ...floors }
    const accepted = accept(mine, incoming, terms)
    const late = [...(intake.late.get(key) ?? []), ...accepted.late]
    if (late.length > 0) intake.late.set(key, late)
    if (accepted.overwritten !== null)
      intake.overwritten.push({ key, record: { history: accepted.overwritten, siblings: [] } })
    const record = prune(accepted.record, horizon)
    if (record.siblings.length > this.#limits.siblingsMax) intake.crowded.set(key, record.siblings.length)
    const isNothing = saysNothing(record)
    if (held === undefined && isNothing) return
    const version = isNothing ? null : versionOf(record)
    const isStamped = accepted.isNews || stored === null
    const stamps = isStamped ? stampsOf(record, this.#progress.stamp, stored?.stamps) : stored.stamps
    const write = recordWrite(hash, { key, record, stamps }, version)
    // A row that would stay the same to the last byte is not written again: new owners get many records twice.
    if (isSame(write.value, held ?? null) && this.#index.lists(hash, version)) return
    intake.changes.push({ hash, version })
    writes.push(write)
  }

  #seeTimes(record: Record): void {
    for (const sibling of record.siblings) this.#hybrid.observe(sibling.time)
  }

  /**
   * Deletes the records of partitions that other nodes own and hold by now. `isStillDue`: asked when the transaction is
   * decided. Returns the dropped partitions.
   */
  async drop(
    partitions: readonly Partition[],
    isStillDue: (partition: Partition) => boolean,
  ): Promise<readonly Partition[]> {
    const forest = await this.#index.forest()
    const hashesOf = (of: readonly Partition[]) => of.flatMap((partition) => forest.keysOf(partition))
    const decide = (): Change<readonly Partition[]> => {
      // No confirmation of a peer covers a pending write: the peer may lack it.
      const quiet = partitions.filter((partition) => !this.#index.isChanging(partition))
      const due = quiet.filter((partition) => !this.#routing.owns(partition) && isStillDue(partition))
      const hashes = hashesOf(due)
      const lost = due.map((partition) => this.#forgetting.lost(partition, 'dropped')).at(-1)
      const writes = [...(lost ?? []), ...hashes.map((hash) => ({ key: recordRowAt(hash), value: null }))]
      return { writes, changes: hashes.map((hash) => ({ hash, version: null })), result: due }
    }
    const keys = hashesOf(partitions).map((hash) => ({ hash, key: null }))
    return watched(
      this.on,
      this.#index.change(keys, [], 'relaxed', decide, (dropped) => this.on.dropped(dropped)),
    )
  }

  /** Flushes all records and hints committed so far. Only then may a peer rely on them and delete its own copy. */
  flush(): Promise<void> {
    return this.#store.flush()
  }

  /** The keys of all records here, then those of all hints, for inspection. `owedTo`: null for a record. */
  keys(): Promise<readonly { readonly key: StoredKey; readonly owedTo: readonly NodeId[] | null }[]> {
    return this.#index.keys()
  }
}
