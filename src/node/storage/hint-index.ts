/**
 * Hint index: the sizes and targets of all hints, in memory, and the limits of hints (Dynamo, section 4.6).
 *
 * A node refuses new hints beyond a number of keys for each target, and beyond a number of bytes in all. It never drops
 * a kept hint to make room. The limits do not apply to records that the node itself asked for: these are kept until the
 * disk is full. (Cassandra and Riak filled disks with hints that no target could take.)
 */
import type { NodeId, StoredKey } from '../../core/ids.ts'
import type { HintLimits } from '../api/config.ts'
import { type Hint, hintIn } from './rows.ts'

/** The error of a hint for which there is no room. Nothing was changed. */
export class HintRefused extends Error {
  override readonly name = 'HintRefused'

  constructor() {
    super('this node keeps as much for others as it may')
  }
}

/** The size and targets of a hint. The hint itself stays on the disk. */
export interface Kept {
  readonly bytes: number
  readonly targets: readonly NodeId[]
}

const nothing: Kept = { bytes: 0, targets: [] }

export class HintIndex {
  readonly #limits: HintLimits
  readonly #kept = new Map<StoredKey, Kept>()
  readonly #keysFor = new Map<NodeId, Set<StoredKey>>()
  /** Keys of hints that a commit without a reported end writes. */
  readonly #coming = new Set<StoredKey>()
  #bytes = 0
  #bytesMax: number
  #isCounted = false

  constructor(limits: HintLimits) {
    this.#limits = limits
    this.#bytesMax = limits.bytes
  }

  /** The number of keys with hints. */
  get size(): number {
    return this.#kept.size
  }

  /** The hints of earlier boots are in the index now. */
  counted(): void {
    this.#isCounted = true
  }

  /** A transaction that writes a hint of a key is decided. `set` follows when its end is known. */
  expect(key: StoredKey): void {
    this.#coming.add(key)
  }

  /** True if a hint of a key may be on the disk. True for every key until the hints of earlier boots are counted. */
  mayHave(key: StoredKey): boolean {
    return !this.#isCounted || this.#kept.has(key) || this.#coming.has(key)
  }

  /** The keys of all hints. */
  get keys(): readonly StoredKey[] {
    return [...this.#kept.keys()]
  }

  /** Nodes for which hints are kept. */
  get targets(): readonly NodeId[] {
    return [...this.#keysFor.keys()]
  }

  /** Keys of the hints for a node. */
  keysFor(target: NodeId): ReadonlySet<StoredKey> {
    return this.#keysFor.get(target) ?? new Set()
  }

  /** Replaces the entry of a key. Without targets the key has no hint. */
  set(key: StoredKey, kept: Kept): void {
    this.#coming.delete(key)
    const before = this.#kept.get(key) ?? nothing
    for (const target of before.targets) this.#forget(target, key)
    this.#bytes -= before.bytes
    this.#kept.delete(key)
    if (kept.targets.length === 0) return
    for (const target of kept.targets) {
      const keys = this.#keysFor.get(target) ?? new Set()
      this.#keysFor.set(target, keys.add(key))
    }
    this.#bytes += kept.bytes
    this.#kept.set(key, kept)
  }

  /** The hint in a row. A damaged one has only its targets left, and is given up when it is delivered. */
  read(key: StoredKey, row: Uint8Array | undefined, corrupt: () => void = () => {}): Hint {
    let isDamaged = false
    const hint = hintIn(row, () => {
      isDamaged = true
      corrupt()
    })
    return isDamaged ? { ...hint, targets: this.#kept.get(key)?.targets ?? [] } : hint
  }

  #forget(target: NodeId, key: StoredKey): void {
    const keys = this.#keysFor.get(target)
    keys?.delete(key)
    if (keys?.size === 0) this.#keysFor.delete(target)
  }

  /** True if there is no room to keep this hint of a key in place of its present one. */
  refuses(key: StoredKey, kept: Kept): boolean {
    const before = this.#kept.get(key) ?? nothing
    if (this.#bytes - before.bytes + kept.bytes > this.#bytesMax) return true
    const isFull = (target: NodeId) => this.keysFor(target).size >= this.#limits.keysPerTarget
    return kept.targets.some((target) => !before.targets.includes(target) && isFull(target))
  }

  /** Limits all hints together to `bytes`, or to the configured bytes if those are fewer. */
  limitTo(bytes: number): void {
    this.#bytesMax = Math.min(this.#limits.bytes, bytes)
  }
}
