/**
 * What this node stores: the records of its partitions and the hints it keeps for others (Dynamo, sections 4.5 and 4.6).
 *
 * Every change is a join, in one transaction, and a promise that resolves means the transaction is complete. A node that gets
 * a write for a partition it does not own keeps it as a hint for those who do, so nothing that reaches a node is dropped
 * because views of the ring differ for a moment.
 */

import { partitionOf } from '../core/hash.ts'
import { compareText, type HybridTime, type NodeId, type Partition, type StoredKey } from '../core/ids.ts'
import { PartitionDigests } from '../core/merkle/partition-digest.ts'
import { type Dot, dotName } from '../core/versioning/causal-history.ts'
import { join, type Record, reusedDots } from '../core/versioning/record.ts'
import { modeOf } from '../core/versioning/stored-key.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { encodeRecord, recordDigest } from '../core/wire/record-codec.ts'
import type { Decide, Durability, RowKey, Store, Write } from '../ports.ts'
import type { Routing } from './routing.ts'
import { encodeHint, hintIn, hintRow, metaRow, noBytes, owedRow, recordIn, recordRow } from './rows.ts'

/** A record to take in, and whom it is also owed to. */
export interface Incoming extends KeyedRecord {
  readonly hintFor: readonly NodeId[]
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
}

const scanPage = 256

export class Replica {
  readonly #store: Store
  readonly #routing: Routing
  readonly #handlers: ReplicaHandlers
  readonly #digests = new PartitionDigests()
  readonly #hinted = new Set<StoredKey>()
  /** Keys whose last change failed: whether it took effect after all, only the store can say. */
  readonly #doubtful = new Set<StoredKey>()
  #loaded: Promise<void> | undefined
  /** Counts decisions to commit: they are taken in the order in which their transactions happen. */
  #order = 0

  constructor(store: Store, routing: Routing, handlers: ReplicaHandlers) {
    this.#store = store
    this.#routing = routing
    this.#handlers = handlers
  }

  /** Digests of all records; resolves once those stored in earlier boots, and those in doubt, are counted in. */
  async digests(): Promise<PartitionDigests> {
    this.#loaded ??= this.#load()
    await this.#loaded
    while (this.#doubtful.size > 0) await this.#lookUp([...this.#doubtful].slice(0, scanPage))
    return this.#digests
  }

  /** Changes keys in one transaction. If it fails, they are in doubt: a lost connection does not tell whether it took effect. */
  async #change<T>(
    keys: readonly StoredKey[],
    rows: readonly RowKey[],
    how: Durability,
    decide: Decide<T>,
  ): Promise<T> {
    try {
      return await this.#store.transact(rows, how, decide)
    } catch (error) {
      for (const key of keys) this.#doubtful.add(key)
      throw error
    }
  }

  /** Looks up what is stored of keys in doubt. */
  async #lookUp(keys: readonly StoredKey[]): Promise<void> {
    for (const key of keys) this.#doubtful.delete(key)
    const places = keys.flatMap((key) => [recordRow(key), hintRow(key)])
    const { rows, order } = await this.#change(keys, places, 'relaxed', (found) => {
      this.#order += 1
      return { writes: [], result: { rows: found, order: this.#order } }
    })
    for (const [index, key] of keys.entries()) {
      const record = recordIn(rows[2 * index], () => this.#handlers.corrupt(`the record of ${key}`))
      const partition = partitionOf(key)
      this.#digests.set(partition, key, record.history.size === 0 ? null : recordDigest(record), order)
      this.#handlers.written(partition)
      if (rows[2 * index + 1] === undefined) this.#hinted.delete(key)
      else this.#hinted.add(key)
    }
  }

  /** Whether records of a partition are here, as far as is known without asking the store. */
  holds(partition: Partition): boolean {
    return this.#digests.has(partition)
  }

  get recordCount(): number {
    return this.#digests.size
  }

  get hintCount(): number {
    return this.#hinted.size
  }

  async #load(): Promise<void> {
    await this.#eachRow('hint', (key) => this.#hinted.add(key))
    await this.#eachRow('record', (key, value) => {
      const partition = partitionOf(key)
      if (this.#digests.digestOf(partition, key) !== undefined) return
      const record = recordIn(value, () => this.#handlers.corrupt(`the record of ${key}`))
      if (record.history.size > 0) this.#digests.set(partition, key, recordDigest(record), 0)
    })
  }

  async #eachRow(table: 'hint' | 'record', visit: (key: StoredKey, value: Uint8Array) => void): Promise<void> {
    let after: RowKey | undefined
    do {
      const rows = await this.#store.scan({ table, limit: scanPage, ...(after === undefined ? {} : { after }) })
      for (const { key, value } of rows) visit(key[2] as StoredKey, value)
      after = rows.length < scanPage ? undefined : rows.at(-1)?.key
    } while (after !== undefined)
  }

  async read(key: StoredKey): Promise<Local> {
    const [own, kept] = await this.#store.read([recordRow(key), hintRow(key)])
    const hint = hintIn(kept, () => this.#handlers.corrupt(`the hint of ${key}`))
    const record = join(
      recordIn(own, () => this.#handlers.corrupt(`the record of ${key}`)),
      hint.record,
      modeOf(key),
    )
    this.#seeTimes(record)
    return { record, hinted: hint.targets.length > 0 }
  }

  /** The node's own records of these keys, without hints; those it has none of are left out. */
  async records(keys: readonly StoredKey[]): Promise<readonly KeyedRecord[]> {
    const rows = await this.#store.read(keys.map(recordRow))
    return keys.flatMap((key, index) => {
      const record = recordIn(rows[index], () => this.#handlers.corrupt(`the record of ${key}`))
      return record.history.size === 0 ? [] : [{ key, record }]
    })
  }

  /**
   * Joins records in: as an owner where this node is one, and as hints for `hintFor`, or for the owners where it is neither
   * an owner nor asked to stand in.
   */
  async take(incoming: readonly Incoming[], durability: Durability): Promise<void> {
    const keys = incoming.flatMap(({ key }) => [recordRow(key), hintRow(key)])
    const named = incoming.map(({ key }) => key)
    const { plans, changed, order } = await this.#change(named, keys, durability, (rows) => {
      // Where it belongs is decided with the rows at hand: ownership may have moved while the transaction waited.
      const plans = incoming.map((entry) => ({ ...entry, ...this.#destination(entry) }))
      const writes: Write[] = []
      const records: KeyedRecord[] = []
      for (const [index, plan] of plans.entries()) {
        if (plan.asOwner) records.push(this.#joinRecord(plan, rows[2 * index], writes))
        if (plan.targets.length > 0) this.#joinHint(plan, rows[2 * index + 1], writes)
      }
      this.#order += 1
      return { writes, result: { plans, changed: records, order: this.#order } }
    })
    for (const { record } of incoming) this.#seeTimes(record)
    for (const plan of plans) if (plan.targets.length > 0) this.#hinted.add(plan.key)
    for (const { key, record } of changed) {
      this.#digests.set(partitionOf(key), key, recordDigest(record), order)
      this.#handlers.written(partitionOf(key))
    }
  }

  #destination({ key, hintFor }: Incoming): { readonly asOwner: boolean; readonly targets: readonly NodeId[] } {
    const partition = partitionOf(key)
    const others = hintFor.filter((node) => node !== this.#routing.self)
    if (this.#routing.owns(partition)) return { asOwner: true, targets: others }
    if (others.length > 0) return { asOwner: false, targets: others }
    return { asOwner: false, targets: this.#routing.ownersOf(partition) }
  }

  #joinRecord({ key, record: incoming }: KeyedRecord, held: Uint8Array | undefined, writes: Write[]): KeyedRecord {
    const mine = recordIn(held, () => this.#handlers.corrupt(`the record of ${key}`))
    this.#reportReuse(key, reusedDots(mine, incoming))
    const record = join(mine, incoming, modeOf(key))
    writes.push({ key: recordRow(key), value: encodeRecord(record) })
    return { key, record }
  }

  #joinHint(
    plan: KeyedRecord & { readonly targets: readonly NodeId[] },
    held: Uint8Array | undefined,
    writes: Write[],
  ): void {
    const { key, targets } = plan
    const hint = hintIn(held, () => this.#handlers.corrupt(`the hint of ${key}`))
    this.#reportReuse(key, reusedDots(hint.record, plan.record))
    const all = [...new Set([...hint.targets, ...targets])].sort(compareText)
    writes.push({
      key: hintRow(key),
      value: encodeHint({ record: join(hint.record, plan.record, modeOf(key)), targets: all }),
    })
    for (const target of targets) writes.push({ key: owedRow(target, key), value: noBytes })
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
    const keys = sent.map(({ key }) => key)
    const gone = await this.#change(keys, keys.map(hintRow), 'relaxed', (rows) => {
      const writes: Write[] = []
      const result: StoredKey[] = []
      for (const [index, { key, record }] of sent.entries()) {
        const hint = hintIn(rows[index], () => {})
        if (rows[index] !== undefined && !sameRecord(hint.record, record)) continue
        const targets = hint.targets.filter((other) => other !== target)
        writes.push({ key: owedRow(target, key), value: null })
        writes.push({ key: hintRow(key), value: targets.length === 0 ? null : encodeHint({ ...hint, targets }) })
        if (targets.length === 0) result.push(key)
      }
      return { writes, result }
    })
    for (const key of gone) this.#hinted.delete(key)
  }

  /**
   * Deletes the records of a partition that others own and hold by now, if `isStillDue` says so at the last moment. Says
   * whether it did.
   */
  async drop(partition: Partition, isStillDue: () => boolean): Promise<boolean> {
    const digests = await this.digests()
    const held = digests.leaves(partition).map(([key]) => key)
    const dropped = await this.#change(held, [], 'relaxed', () => {
      if (this.#routing.owns(partition) || !isStillDue()) return { writes: [], result: null }
      const keys = digests.leaves(partition).map(([key]) => key)
      this.#order += 1
      return { writes: keys.map((key) => ({ key: recordRow(key), value: null })), result: { keys, order: this.#order } }
    })
    for (const key of dropped?.keys ?? []) digests.set(partition, key, null, dropped?.order ?? 0)
    return dropped !== null
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
    await this.#eachRow('record', (key) => found.push({ key, owedTo: null }))
    await this.#eachRow('hint', (key, value) => found.push({ key, owedTo: hintIn(value, () => {}).targets }))
    return found
  }
}

/** Encoding is canonical, so equal bytes are equal records. */
function sameRecord(a: Record, b: Record): boolean {
  const [left, right] = [encodeRecord(a), encodeRecord(b)]
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
