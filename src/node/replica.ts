/**
 * What this node stores: the records of its partitions and the hints it keeps for others (Dynamo, sections 4.5 and 4.6).
 *
 * Every change is a join, in one transaction, and a promise that resolves means the transaction is complete. A node that gets
 * a write for a partition it does not own keeps it as a hint for those who do, so nothing that reaches a node is dropped
 * because views of the ring differ for a moment.
 */

import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import { keyHashOf, partitionOf } from '../core/hash.ts'
import { compareText, type HybridTime, type NodeId, type Partition, type StoredKey } from '../core/ids.ts'
import { Forest, partitionIn } from '../core/merkle/forest.ts'
import { type Dot, dotName } from '../core/versioning/causal-history.ts'
import { join, type Record, reusedDots } from '../core/versioning/record.ts'
import { modeOf } from '../core/versioning/stored-key.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { encodeRecord, versionOf } from '../core/wire/record-codec.ts'
import type { Decide, Durability, Row, RowKey, Store, Write } from '../ports.ts'
import type { Routing } from './routing.ts'
import {
  encodeHint,
  encodeKeyedRecord,
  hintIn,
  hintRow,
  keyedRecordIn,
  metaRow,
  noBytes,
  owedRow,
  recordIn,
  recordRow,
  recordRowAt,
} from './rows.ts'

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

/** A key that a transaction changes; where its records are dropped, only the hash is known. */
interface Changed {
  readonly hash: Uint8Array
  readonly key: StoredKey | null
}

const changedKey = ({ key }: { readonly key: StoredKey }) => ({ hash: keyHashOf(key), key })

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
  readonly #forest = new Forest()
  readonly #hinted = new Set<StoredKey>()
  /** Keys, by their hash, whose last change failed: whether it took effect after all, only the store can say. */
  readonly #doubtful = new Map<string, Changed>()
  #loaded: Promise<void> | undefined
  /** Counts decisions to commit: they are taken in the order in which their transactions happen. */
  #order = 0
  /** Decided and not heard of yet. */
  readonly #pending = new Set<number>()
  /** By key hash, the last commit that was heard of: word of two may come the other way round than they happened. */
  readonly #latest = new Map<string, number>()

  constructor(store: Store, routing: Routing, handlers: ReplicaHandlers) {
    this.#store = store
    this.#routing = routing
    this.#handlers = handlers
  }

  /** What is here of every partition; resolves once records of earlier boots, and those in doubt, are counted in. */
  async forest(): Promise<Forest> {
    this.#loaded ??= this.#load()
    await this.#loaded
    while (this.#doubtful.size > 0) await this.#lookUp([...this.#doubtful.values()].slice(0, scanPage))
    return this.#forest
  }

  /**
   * Changes keys in one transaction, and lets `heard` know what became of it and when it was decided. If it fails, the keys are
   * in doubt: a lost connection does not tell whether a transaction took effect.
   */
  async #change<T>(
    keys: readonly Changed[],
    rows: readonly RowKey[],
    how: Durability,
    decide: Decide<T>,
    heard: (result: T, order: number) => void,
  ): Promise<T> {
    let order = 0
    try {
      const result = await this.#store.transact(rows, how, (found) => {
        this.#pending.delete(order)
        this.#order += 1
        order = this.#order
        this.#pending.add(order)
        return decide(found)
      })
      heard(result, order)
      return result
    } catch (error) {
      for (const changed of keys) this.#doubtful.set(bytesToHex(changed.hash), changed)
      throw error
    } finally {
      this.#pending.delete(order)
      this.#forgetOrders()
    }
  }

  /** Word of commits before all that are pending has come: nothing can overtake them any more. */
  #forgetOrders(): void {
    if (this.#pending.size === 0) this.#latest.clear()
    else if (this.#latest.size > bounds.commitOrdersMax) {
      const first = Math.min(...this.#pending)
      for (const [hash, order] of this.#latest) if (order < first) this.#latest.delete(hash)
    }
  }

  /** The `order`th commit left a key in this version, or deleted it. */
  #committed(hash: Uint8Array, version: Uint8Array | null, order: number): void {
    const name = bytesToHex(hash)
    if ((this.#latest.get(name) ?? 0) > order) return
    this.#latest.set(name, order)
    this.#forest.set(hash, version)
  }

  /** Looks up what is stored of keys in doubt. */
  async #lookUp(doubtful: readonly Changed[]): Promise<void> {
    for (const { hash } of doubtful) this.#doubtful.delete(bytesToHex(hash))
    const places = doubtful.flatMap(({ hash, key }) => [recordRowAt(hash), ...(key === null ? [] : [hintRow(key)])])
    const reading = (found: readonly (Uint8Array | undefined)[]) => ({ writes: [], result: [...found] })
    await this.#change(doubtful, places, 'relaxed', reading, (rows, order) => {
      for (const { hash, key } of doubtful) {
        const row = rows.shift()
        const found = keyedRecordIn(row, () => this.#handlers.corrupt(`the record with key hash ${bytesToHex(hash)}`))
        this.#committed(hash, found === null ? null : versionOf(found.record), order)
        this.#handlers.written(partitionIn(hash))
        if (key === null) continue
        if (rows.shift() === undefined) this.#hinted.delete(key)
        else this.#hinted.add(key)
      }
    })
  }

  /** Whether records of a partition are here, as far as is known without asking the store. */
  holds(partition: Partition): boolean {
    return this.#forest.sizeOf(partition) > 0
  }

  get recordCount(): number {
    return this.#forest.size
  }

  get hintCount(): number {
    return this.#hinted.size
  }

  async #load(): Promise<void> {
    await this.#eachRow('hint', ({ key }) => this.#hinted.add(key[2] as StoredKey))
    await this.#eachRow('record', ({ key: [, , name], value }) => {
      const hash = hexToBytes(name)
      if (this.#forest.version(hash) !== null) return
      const found = keyedRecordIn(value, () => this.#handlers.corrupt(`the record with key hash ${name}`))
      if (found !== null) this.#forest.set(hash, versionOf(found.record))
    })
  }

  async #eachRow(table: 'hint' | 'record', visit: (row: Row) => void): Promise<void> {
    let after: RowKey | undefined
    do {
      const rows = await this.#store.scan({ table, limit: scanPage, ...(after === undefined ? {} : { after }) })
      for (const row of rows) visit(row)
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

  /** The node's own records of keys with these hashes, without hints; those it has none of are left out. */
  async records(hashes: readonly Uint8Array[]): Promise<readonly KeyedRecord[]> {
    const rows = await this.#store.read(hashes.map(recordRowAt))
    return rows.flatMap((row, index) => {
      const name = bytesToHex(hashes[index] ?? new Uint8Array(0))
      return keyedRecordIn(row, () => this.#handlers.corrupt(`the record with key hash ${name}`)) ?? []
    })
  }

  /**
   * Joins records in: as an owner where this node is one, and as hints for `hintFor`, or for the owners where it is neither
   * an owner nor asked to stand in.
   */
  async take(incoming: readonly Incoming[], durability: Durability): Promise<void> {
    const keys = incoming.map(changedKey)
    const places = keys.flatMap(({ hash, key }) => [recordRowAt(hash), hintRow(key)])
    const decide = (rows: readonly (Uint8Array | undefined)[]) => {
      // Where it belongs is decided with the rows at hand: ownership may have moved while the transaction waited.
      const plans = incoming.map((entry) => ({ ...entry, ...this.#destination(entry) }))
      const writes: Write[] = []
      const records: KeyedRecord[] = []
      for (const [index, plan] of plans.entries()) {
        if (plan.asOwner) records.push(this.#joinRecord(plan, rows[2 * index], writes))
        if (plan.targets.length > 0) this.#joinHint(plan, rows[2 * index + 1], writes)
      }
      return { writes, result: { plans, records } }
    }
    await this.#change(keys, places, durability, decide, ({ plans, records }, order) => {
      for (const plan of plans) if (plan.targets.length > 0) this.#hinted.add(plan.key)
      for (const { key, record } of records) {
        this.#committed(keyHashOf(key), versionOf(record), order)
        this.#handlers.written(partitionOf(key))
      }
    })
    for (const { record } of incoming) this.#seeTimes(record)
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
    writes.push({ key: recordRow(key), value: encodeKeyedRecord({ key, record }) })
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
    const keys = sent.map(changedKey)
    const decide = (rows: readonly (Uint8Array | undefined)[]) => {
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
    }
    const places = sent.map(({ key }) => hintRow(key))
    await this.#change(keys, places, 'relaxed', decide, (gone) => {
      for (const key of gone) this.#hinted.delete(key)
    })
  }

  /**
   * Deletes the records of a partition that others own and hold by now, if `isStillDue` says so at the last moment. Says
   * whether it did.
   */
  async drop(partition: Partition, isStillDue: () => boolean): Promise<boolean> {
    const forest = await this.forest()
    const held = forest.keysOf(partition).map((hash) => ({ hash, key: null }))
    const decide = () => {
      if (this.#routing.owns(partition) || !isStillDue()) return { writes: [], result: null }
      const hashes = forest.keysOf(partition)
      return { writes: hashes.map((hash) => ({ key: recordRowAt(hash), value: null })), result: hashes }
    }
    const dropped = await this.#change(held, [], 'relaxed', decide, (hashes, order) => {
      for (const hash of hashes ?? []) this.#committed(hash, null, order)
    })
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
    await this.#eachRow('record', ({ value }) => {
      const row = keyedRecordIn(value, () => {})
      if (row !== null) found.push({ key: row.key, owedTo: null })
    })
    await this.#eachRow('hint', ({ key, value }) =>
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
