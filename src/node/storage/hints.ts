/**
 * Hints: what this node keeps for others, until each of them has taken it (Dynamo, section 4.6).
 *
 * A hint is one row for all it is owed to, beside one small row for each of them. Records for the same key join in it;
 * each target that has taken it is struck off, and with the last one the hint goes. Hints are stored apart from the
 * records of this node: what is kept for others says nothing of what this node holds as an owner.
 */
import { keyHashOf } from '../../core/hash.ts'
import { compareText, type NodeId, type StoredKey } from '../../core/ids.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { names } from '../../core/versioning/causal-history.ts'
import { holdsDot, join, reusedDots, type Sibling } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { encodeRecord } from '../../core/wire/record-codec.ts'
import type { Store, Write } from '../../ports.ts'
import type { Kept } from './hint-index.ts'
import type { MerkleIndex } from './merkle-index.ts'
import { type Intake, type ReplicaLimits, reportReuse, type StorageEvents, watched } from './replica-port.ts'
import { encodeHint, hintIn, hintRow, owedRow, owedWrite } from './rows.ts'

/** A hint, and whom it is owed to. */
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

  /** Keys of which hints are kept. */
  get size(): number {
    return this.#index.hints.size
  }

  /** For whom hints are kept; resolves once those of earlier boots, and those in doubt, are counted in. */
  async targets(): Promise<readonly NodeId[]> {
    await this.#index.forest()
    return this.#index.hints.targets
  }

  /**
   * Keys of hints owed to a node, as they come and go; resolves once those of earlier boots, and those in doubt, are
   * counted in.
   */
  async owedTo(target: NodeId): Promise<ReadonlySet<StoredKey>> {
    await this.#index.forest()
    return this.#index.hints.keysFor(target)
  }

  /** The hints of these keys as they are stored now. */
  async of(keys: readonly StoredKey[]): Promise<readonly Owed[]> {
    const rows = await this.#store.read(keys.map(hintRow))
    return keys.map((key, index) => {
      return { key, ...hintIn(rows[index], () => this.#on.corrupt(`the hint of ${key}`)) }
    })
  }

  /** Hints are to take so many bytes at most. */
  limitTo(bytes: number): void {
    this.#index.hints.limitTo(bytes)
  }

  /**
   * Joins a record to the hint in a row, inside a transaction: adds what is to be written, and returns what is kept
   * then.
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

  /**
   * This node's own record of a key is about to be pruned: a hint that holds what it overwrote joins it first. Else
   * the hint would show that again.
   */
  tell({ key, record }: KeyedRecord, held: Uint8Array | undefined, writes: Write[], intake: Intake): void {
    if (held === undefined) return
    const hint = this.#index.hints.read(key, held)
    const isOverwritten = ({ dot }: Sibling) => names(record.history, dot) && !holdsDot(record, dot)
    if (!hint.record.siblings.some(isOverwritten)) return
    intake.hinted.set(key, this.join({ key, record, targets: [] }, held, writes, intake))
  }

  /** Strikes a target off hints it has taken; a hint that changed since it was sent stays owed. */
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
    })
    await watched(this.#on, change)
  }
}
