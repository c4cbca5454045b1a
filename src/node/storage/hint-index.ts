/**
 * What is kept for others, as far as it is known without asking the store, and whether there is room for more of it.
 *
 * New hints are refused beyond a number for each node and a number of bytes in all; what is kept is never given up,
 * and what this node was asked to write itself is kept until the disk is full (Cassandra and Riak filled disks with
 * hints that nobody could take).
 */
import type { NodeId, StoredKey } from '../../core/ids.ts'
import type { HintLimits } from '../api/config.ts'
import { type Hint, hintIn } from './rows.ts'

/** A hint is not taken: there is no room for it. Nothing was changed. */
export class HintRefused extends Error {
  override readonly name = 'HintRefused'

  constructor() {
    super('this node keeps as much for others as it may')
  }
}

/** What a hint takes, and whom it is for: never the hint itself, which stays on the disk. */
export interface Kept {
  readonly bytes: number
  readonly targets: readonly NodeId[]
}

const nothing: Kept = { bytes: 0, targets: [] }

export class HintIndex {
  readonly #limits: HintLimits
  readonly #kept = new Map<StoredKey, Kept>()
  readonly #keysFor = new Map<NodeId, Set<StoredKey>>()
  #bytes = 0
  #bytesMax: number
  #isCounted = false

  constructor(limits: HintLimits) {
    this.#limits = limits
    this.#bytesMax = limits.bytes
  }

  /** Keys of which hints are kept. */
  get size(): number {
    return this.#kept.size
  }

  /** Hints of earlier boots are counted in. */
  counted(): void {
    this.#isCounted = true
  }

  /** Whether a hint of a key is kept here, or may be. */
  mayHave(key: StoredKey): boolean {
    return !this.#isCounted || this.#kept.has(key)
  }

  /** For whom any are kept. */
  get targets(): readonly NodeId[] {
    return [...this.#keysFor.keys()]
  }

  /** Keys of which hints are kept for a node. */
  keysFor(target: NodeId): ReadonlySet<StoredKey> {
    return this.#keysFor.get(target) ?? new Set()
  }

  /** What is kept of a key now; for nobody: nothing. */
  set(key: StoredKey, kept: Kept): void {
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

  /** The hint in a row. Of a damaged one nothing is left but whom it was for: it is given up as it is delivered. */
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

  /** Whether there is no room to keep this of a key instead of what is kept. */
  refuses(key: StoredKey, kept: Kept): boolean {
    const before = this.#kept.get(key) ?? nothing
    if (this.#bytes - before.bytes + kept.bytes > this.#bytesMax) return true
    const isFull = (target: NodeId) => this.keysFor(target).size >= this.#limits.keysPerTarget
    return kept.targets.some((target) => !before.targets.includes(target) && isFull(target))
  }

  /** All hints together are to take so many bytes at most, or as many as ever where that is less. */
  limitTo(bytes: number): void {
    this.#bytesMax = Math.min(this.#limits.bytes, bytes)
  }
}
