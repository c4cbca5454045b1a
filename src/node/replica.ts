/**
 * What this node stores: the records of its partitions and the hints it keeps for others (Dynamo, sections 4.5 and 4.6).
 *
 * Every change is a join, in one transaction, and a promise that resolves means the transaction is complete. A node that gets
 * a write for a partition it does not own keeps it as a hint for those who do, so nothing that reaches a node is dropped
 * because views of the ring differ for a moment.
 */

import { bounds } from '../core/bounds.ts'
import { keyHashOf } from '../core/hash.ts'
import { compareText, type HybridTime, type NodeId, type Partition, type StoredKey } from '../core/ids.ts'
import { type Forest, partitionIn } from '../core/merkle/forest.ts'
import { type Dot, dotName } from '../core/versioning/causal-history.ts'
import { emptyRecord, join, type Record, reusedDots, withoutExpired } from '../core/versioning/record.ts'
import { modeOf } from '../core/versioning/stored-key.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { encodeRecord, versionOf } from '../core/wire/record-codec.ts'
import { type Clock, type Durability, type RowKey, type Store, StoreFailure, type Write } from '../ports.ts'
import { type HintLimits, HintRefused, type Kept } from './hint-tally.ts'
import { type Change, Inventory } from './inventory.ts'
import type { Routing } from './routing.ts'
import {
  encodeHint,
  encodeKeyedRecord,
  hintIn,
  hintRow,
  type KeyChange,
  keyedRecordIn,
  metaRow,
  noBytes,
  owedRow,
  recordRow,
  recordRowAt,
} from './rows.ts'

/** A record to take in, and whom it is also owed to. */
export interface Incoming extends KeyedRecord {
  readonly hintFor: readonly NodeId[]
}

/** The same with the hash of its key, which is worked out once. */
interface Placed extends Incoming {
  readonly hash: Uint8Array
}

/** What a key looks like from here: own record and hints joined. */
export interface Local {
  readonly record: Record
  /** Whether hints of the key are kept here. */
  readonly hinted: boolean
}

export interface ReplicaHandlers {
  /** A stored row could not be read, or one dot came with two values. */
  corrupt(what: string): void
  /** Times of writes that came by, for the hybrid clock. */
  timeSeen(time: HybridTime): void
  /** A record of a partition changed. */
  written(partition: Partition): void
  /** The store has taken something in, or has failed. */
  storageWas(state: 'ok' | 'full' | 'failed'): void
  /** A record has more siblings than it should. */
  crowded(key: StoredKey, siblings: number): void
}

export interface ReplicaLimits {
  /** Siblings of one record, beyond which it is crowded. */
  readonly siblingsMax: number
  /** How long values are kept that have expired, ms. */
  readonly expiredKeptMs: number
  readonly hints: HintLimits
}

/** Who was asked for a write: this node itself, which keeps it whatever it keeps already, or another one, which may ask elsewhere. */
export type Asked = 'this node' | 'another'

export class Replica {
  readonly #store: Store
  readonly #routing: Routing
  readonly #handlers: ReplicaHandlers
  readonly #inventory: Inventory
  readonly #clock: Pick<Clock, 'wall'>
  readonly #limits: ReplicaLimits

  constructor(
    store: Store,
    routing: Routing,
    clock: Pick<Clock, 'wall'>,
    limits: ReplicaLimits,
    handlers: ReplicaHandlers,
  ) {
    this.#store = store
    this.#routing = routing
    this.#clock = clock
    this.#limits = limits
    this.#handlers = handlers
    this.#inventory = new Inventory(store, limits.hints, handlers)
  }

  /** What is here of every partition; see `Inventory`. */
  forest(): Promise<Forest> {
    return this.#inventory.forest()
  }

  /**
   * Compares what is stored of a partition with its trie; returns how many keys differed, and are as they are stored now. Values
   * on the way that expired a while ago are given up, or by the next scrub where the store fails, of which it tells.
   */
  async scrub(partition: Partition): Promise<number> {
    const due: RowKey[] = []
    const differing = await this.#inventory.scrub(partition, ({ key, record }) => {
      if (this.#withoutExpired(record) !== record) due.push(recordRow(key))
    })
    for (let at = 0; at < due.length; at += bounds.checkpointRows) {
      const keys = due.slice(at, at + bounds.checkpointRows)
      const given = this.#store.transact(keys, 'relaxed', (rows) => this.#giveUp(keys, rows))
      await this.#watched(given).catch(() => {})
    }
    return differing
  }

  /** Versions stay as they were, so the tries and the journal are not concerned. */
  #giveUp(keys: readonly RowKey[], rows: readonly (Uint8Array | undefined)[]) {
    const writes = keys.flatMap((key, index): Write[] => {
      const stored = keyedRecordIn(rows[index], () => {})
      const record = stored === null ? null : this.#withoutExpired(stored.record)
      if (stored === null || record === null || record === stored.record) return []
      return [{ key, value: encodeKeyedRecord({ ...stored, record }) }]
    })
    return { writes, result: undefined }
  }

  #withoutExpired(record: Record): Record {
    return withoutExpired(record, this.#clock.wall() - this.#limits.expiredKeptMs)
  }

  /** Stores tries that have changed much, so that the next start has less to read. */
  checkpoint(commitsMin: number = bounds.checkpointCommitsMin): Promise<void> {
    return this.#inventory.checkpoint(commitsMin)
  }

  /** Whether records of a partition are here, as far as is known without asking the store. */
  holds(partition: Partition): boolean {
    return this.#inventory.holds(partition)
  }

  /** Whether a write of a partition is under way: the store may have it, and nobody has heard of it. */
  isChanging(partition: Partition): boolean {
    return this.#inventory.isChanging(partition)
  }

  get recordCount(): number {
    return this.#inventory.recordCount
  }

  get hintCount(): number {
    return this.#inventory.hints.size
  }

  /** Hints are to take so many bytes at most. */
  limitHints(bytes: number): void {
    this.#inventory.hints.limitTo(bytes)
  }

  async read(key: StoredKey): Promise<Local> {
    const [own, kept] = await this.#watched(this.#store.read([recordRow(key), hintRow(key)]))
    const hint = hintIn(kept, () => this.#handlers.corrupt(`the hint of ${key}`))
    const record = join(this.#inventory.recordAt(keyHashOf(key), own)?.record ?? emptyRecord, hint.record, modeOf(key))
    this.#seeTimes(record)
    return { record, hinted: hint.targets.length > 0 }
  }

  /** The node's own records of keys with these hashes, without hints; those it has none of are left out. */
  async records(hashes: readonly Uint8Array[]): Promise<readonly KeyedRecord[]> {
    const rows = await this.#watched(this.#store.read(hashes.map(recordRowAt)))
    return hashes.flatMap((hash, index) => this.#inventory.recordAt(hash, rows[index]) ?? [])
  }

  /**
   * Joins records in: as an owner where this node is one, and as hints for `hintFor`, or for the owners where it is neither
   * an owner nor asked to stand in. Rejects with a `HintRefused` where `asked` is another and there is no room for hints.
   */
  async take(incoming: readonly Incoming[], durability: Durability, asked: Asked = 'this node'): Promise<void> {
    const entries = incoming.map((entry) => ({ ...entry, hash: keyHashOf(entry.key) }))
    // Rows of hints are read where a hint is to be kept, as far as can be told before the transaction.
    const isHinted = entries.map((entry) => this.#destination(entry).targets.length > 0)
    const places = entries.flatMap(({ hash, key }, index) => [
      recordRowAt(hash),
      ...(isHinted[index] ? [hintRow(key)] : []),
    ])
    const hinted = new Map<StoredKey, Kept>()
    const crowded = new Map<StoredKey, number>()
    const decide = (found: readonly (Uint8Array | undefined)[]): Change<'taken' | 'again' | 'refused'> => {
      const rows = [...found].reverse()
      const writes: Write[] = []
      const changes: KeyChange[] = []
      hinted.clear()
      crowded.clear()
      for (const [index, entry] of entries.entries()) {
        // Where it belongs is decided with the rows at hand: ownership may have moved while the transaction waited.
        const plan = { ...entry, ...this.#destination(entry) }
        const record = rows.pop()
        const hint = isHinted[index] ? rows.pop() : undefined
        if (plan.targets.length > 0 && !isHinted[index]) return { writes: [], changes: [], result: 'again' }
        if (plan.asOwner) changes.push(this.#joinRecord(plan, record, writes, crowded))
        if (plan.targets.length === 0) continue
        const kept = this.#joinHint(plan, hint, writes)
        if (asked === 'another' && this.#inventory.hints.refuses(plan.key, kept))
          return { writes: [], changes: [], result: 'refused' }
        hinted.set(plan.key, kept)
      }
      return { writes, changes, result: 'taken' }
    }
    const change = this.#inventory.change(entries, places, durability, decide, (_, changes) => {
      for (const [key, kept] of hinted) this.#inventory.hints.set(key, kept)
      for (const { hash } of changes) this.#handlers.written(partitionIn(hash))
      for (const [key, siblings] of crowded) this.#handlers.crowded(key, siblings)
    })
    const result = await this.#watched(change)
    if (result === 'taken') this.#handlers.storageWas('ok')
    if (result === 'refused') throw new HintRefused()
    if (result === 'again') return this.take(incoming, durability, asked)
    for (const { record } of incoming) this.#seeTimes(record)
  }

  /** Tells of a store that fails. */
  async #watched<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (error instanceof StoreFailure && error.reason !== 'closed') this.#handlers.storageWas(error.reason)
      throw error
    }
  }

  #destination({ hash, hintFor }: Placed): { readonly asOwner: boolean; readonly targets: readonly NodeId[] } {
    const partition = partitionIn(hash)
    const others = hintFor.filter((node) => node !== this.#routing.self)
    if (this.#routing.owns(partition)) return { asOwner: true, targets: others }
    if (others.length > 0) return { asOwner: false, targets: others }
    return { asOwner: false, targets: this.#routing.ownersOf(partition) }
  }

  #joinRecord(
    { hash, key, record: incoming }: Placed,
    held: Uint8Array | undefined,
    writes: Write[],
    crowded: Map<StoredKey, number>,
  ): KeyChange {
    const mine = this.#inventory.recordAt(hash, held)?.record ?? emptyRecord
    this.#reportReuse(key, reusedDots(mine, incoming))
    const record = join(mine, incoming, modeOf(key))
    const version = versionOf(record)
    if (record.siblings.length > this.#limits.siblingsMax) crowded.set(key, record.siblings.length)
    writes.push({ key: recordRowAt(hash), value: encodeKeyedRecord({ key, version, record }) })
    return { hash, version }
  }

  #joinHint(
    plan: KeyedRecord & { readonly targets: readonly NodeId[] },
    held: Uint8Array | undefined,
    writes: Write[],
  ): Kept {
    const { key, targets } = plan
    const hint = hintIn(held, () => this.#handlers.corrupt(`the hint of ${key}`))
    this.#reportReuse(key, reusedDots(hint.record, plan.record))
    const all = [...new Set([...hint.targets, ...targets])].sort(compareText)
    const value = encodeHint({ record: join(hint.record, plan.record, modeOf(key)), targets: all })
    writes.push({ key: hintRow(key), value })
    for (const target of targets) writes.push({ key: owedRow(target, key), value: noBytes })
    return { bytes: value.length, targets: all }
  }

  #reportReuse(key: StoredKey, dots: readonly Dot[]): void {
    for (const dot of dots) this.#handlers.corrupt(`dot ${dotName(dot)} of ${key} names two values`)
  }

  #seeTimes(record: Record): void {
    for (const sibling of record.siblings) this.#handlers.timeSeen(sibling.time)
  }

  /** Keys of hints owed to a node, up to `limit`, after `after`. */
  async owedTo(target: NodeId, limit: number, after?: StoredKey): Promise<readonly StoredKey[]> {
    const from = after === undefined ? {} : { after: owedRow(target, after) }
    const rows = await this.#store.scan({ table: 'owed', group: target, limit, ...from })
    return rows.map((row) => row.key[2] as StoredKey)
  }

  /** The hints of these keys as they are stored now. */
  async hints(keys: readonly StoredKey[]): Promise<readonly KeyedRecord[]> {
    const rows = await this.#store.read(keys.map(hintRow))
    return keys.map((key, index) => {
      return { key, record: hintIn(rows[index], () => this.#handlers.corrupt(`the hint of ${key}`)).record }
    })
  }

  /** Strikes a target off hints it has taken; a hint that changed since it was sent stays owed. */
  async settleHints(target: NodeId, sent: readonly KeyedRecord[]): Promise<void> {
    const keys = sent.map(({ key }) => ({ hash: keyHashOf(key), key }))
    const decide = (rows: readonly (Uint8Array | undefined)[]) => {
      const writes: Write[] = []
      const result: [StoredKey, Kept][] = []
      for (const [index, { key, record }] of sent.entries()) {
        const hint = hintIn(rows[index], () => {})
        if (rows[index] !== undefined && !sameRecord(hint.record, record)) continue
        const targets = hint.targets.filter((other) => other !== target)
        writes.push({ key: owedRow(target, key), value: null })
        const value = targets.length === 0 ? null : encodeHint({ ...hint, targets })
        writes.push({ key: hintRow(key), value })
        result.push([key, { bytes: value?.length ?? 0, targets }])
      }
      return { writes, changes: [], result }
    }
    const places = sent.map(({ key }) => hintRow(key))
    const change = this.#inventory.change(keys, places, 'relaxed', decide, (left) => {
      for (const [key, kept] of left) this.#inventory.hints.set(key, kept)
    })
    await this.#watched(change)
  }

  /**
   * Deletes the records of a partition that others own and hold by now, if `isStillDue` says so at the last moment. Says
   * whether it did.
   */
  async drop(partition: Partition, isStillDue: () => boolean): Promise<boolean> {
    const forest = await this.#inventory.forest()
    const held = forest.keysOf(partition).map((hash) => ({ hash, key: null }))
    const decide = (): Change<boolean> => {
      // A write that was decided and not heard of yet is in nobody's count: who settled the partition may not have it.
      if (this.#routing.owns(partition) || !isStillDue() || this.#inventory.isChanging(partition))
        return { writes: [], changes: [], result: false }
      const hashes = forest.keysOf(partition)
      const writes = hashes.map((hash) => ({ key: recordRowAt(hash), value: null }))
      return { writes, changes: hashes.map((hash) => ({ hash, version: null })), result: true }
    }
    return this.#watched(this.#inventory.change(held, [], 'relaxed', decide, () => {}))
  }

  /** Flushes everything committed so far: only then may somebody else rely on it and delete its own copy. */
  async flush(): Promise<void> {
    await this.#store.transact([], 'strict', () => ({
      writes: [{ key: metaRow('flushed'), value: noBytes }],
      result: undefined,
    }))
  }

  /** Every key stored here, own records first: for inspection. */
  async keys(): Promise<readonly { readonly key: StoredKey; readonly owedTo: readonly NodeId[] | null }[]> {
    const found: { key: StoredKey; owedTo: readonly NodeId[] | null }[] = []
    await this.#inventory.eachRow('record', ({ value }) => {
      const row = keyedRecordIn(value, () => {})
      if (row !== null) found.push({ key: row.key, owedTo: null })
    })
    await this.#inventory.eachRow('hint', ({ key, value }) =>
      found.push({ key: key[2] as StoredKey, owedTo: hintIn(value, () => {}).targets }),
    )
    return found
  }
}

/** Encoding is canonical, so equal bytes are equal records. */
function sameRecord(a: Record, b: Record): boolean {
  const [left, right] = [encodeRecord(a), encodeRecord(b)]
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
