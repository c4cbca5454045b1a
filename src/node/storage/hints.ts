/**
 * Hints: records that this node keeps for other nodes until each of them has taken them (Dynamo, section 4.6).
 *
 * A hint is one row for all its targets, and one small row for each target. Records of one key join into one hint. A
 * target that has taken the hint is struck off. The hint is deleted with its last target. Hints are apart from the
 * node's own records: they claim nothing about its copy of a partition.
 */
import { keyHashOf } from '../../core/hash.ts'
import { compareText, type NodeId, type StoredKey } from '../../core/ids.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { join, reusedDots } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { encodeRecord } from '../../core/wire/record-codec.ts'
import type { Store, Write } from '../../ports.ts'
import type { Kept } from './hint-index.ts'
import type { MerkleIndex } from './merkle-index.ts'
import { type Intake, type ReplicaLimits, reportReuse, type StorageEvents, watched } from './replica-port.ts'
import { encodeHint, hintIn, hintRow, owedRow, owedWrite } from './rows.ts'

/** A hint with its key and its targets. */
interface Owed extends KeyedRecord {
  readonly targets: readonly NodeId[]
}

export class Hints {
  readonly #store: Pick<Store, 'read'>
  readonly #index: MerkleIndex
  readonly #limits: Pick<ReplicaLimits, 'siblingsMax'>
  readonly #on: StorageEvents

  constructor(
    store: Pick<Store, 'read'>,
    merkleIndex: MerkleIndex,
    limits: Pick<ReplicaLimits, 'siblingsMax'>,
    on: StorageEvents,
  ) {
    this.#store = store
    this.#index = merkleIndex
    this.#limits = limits
    this.#on = on
  }

  /** The number of keys with hints. */
  get size(): number {
    return this.#index.hints.size
  }

  /** The keys of all hints that are counted by now. */
  get keys(): readonly StoredKey[] {
    return this.#index.hints.keys
  }

  /** Nodes for which hints are kept. Resolves when hints of earlier boots are counted, and no key is in doubt. */
  async targets(): Promise<readonly NodeId[]> {
    await this.#index.forest()
    return this.#index.hints.targets
  }

  /**
   * Keys of the hints for a node. The set follows later changes as long as it is not empty. Resolves when hints of
   * earlier boots are counted, and no key is in doubt.
   */
  async owedTo(target: NodeId): Promise<ReadonlySet<StoredKey>> {
    await this.#index.forest()
    return this.#index.hints.keysFor(target)
  }

  /** The hints of these keys, as they are stored now. A missing or damaged one is empty, without targets. */
  async of(keys: readonly StoredKey[]): Promise<readonly Owed[]> {
    const rows = await this.#store.read(keys.map(hintRow))
    return keys.map((key, index) => {
      return { key, ...hintIn(rows[index], () => this.#on.corrupt(`the hint of ${key}`)) }
    })
  }

  /** Limits the bytes of all hints together. */
  limitTo(bytes: number): void {
    this.#index.hints.limitTo(bytes)
  }

  /**
   * Joins a record to the hint in a row, within a transaction. Adds the writes to `writes`, and returns the size and
   * targets of the new hint.
   */
  join(plan: Owed, held: Uint8Array | undefined, writes: Write[], intake: Intake): Kept {
    const { key, targets } = plan
    const hint = this.#index.hints.read(key, held, () => this.#on.corrupt(`the hint of ${key}`))
    reportReuse(this.#on, key, reusedDots(hint.record, plan.record))
    const all = [...new Set([...hint.targets, ...targets])].sort(compareText)
    const record = join(hint.record, plan.record)
    if (record.siblings.length > this.#limits.siblingsMax) intake.crowded.set(key, record.siblings.length)
    const value = encodeHint({ record, targets: all })
    writes.push({ key: hintRow(key), value })
    for (const target of all) writes.push(owedWrite(target, key, value.length))
    return { bytes: value.length, targets: all }
  }

  /** Strikes a target off the hints it has taken. A hint that changed since it was sent stays owed. */
  async settle(target: NodeId, sent: readonly KeyedRecord[]): Promise<void> {
    const keys = sent.map(({ key }) => ({ hash: keyHashOf(key), key }))
    const decide = (rows: readonly (Uint8Array | undefined)[]) => {
      const writes: Write[] = []
      const result: [StoredKey, Kept][] = []
      for (const [index, { key, record }] of sent.entries()) {
        const hint = this.#index.hints.read(key, rows[index])
        // Encoding is canonical, so equal bytes are equal records.
        if (rows[index] !== undefined && !isSame(encodeRecord(hint.record), encodeRecord(record))) continue
        const targets = hint.targets.filter((other) => other !== target)
        writes.push({ key: owedRow(target, key), value: null })
        const value = targets.length === 0 ? null : encodeHint({ ...hint, targets })
        writes.push({ key: hintRow(key), value })
        result.push([key, { bytes: value?.length ?? 0, targets }])
      }
      return { writes, changes: [], result }
    }
    const places = sent.map(({ key }) => hintRow(key))
    const change = this.#index.change(keys, places, 'relaxed', decide, (left) => {
      for (const [key, kept] of left) this.#index.hints.set(key, kept)
      this.#on.struckOff(target, left)
    })
    await watched(this.#on, change)
  }
}
