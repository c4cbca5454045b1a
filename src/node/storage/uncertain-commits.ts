/**
 * Uncertain commits: what is not known of the transactions of this node, and what any of them may have left of a key.
 *
 * A commit that was decided is pending until word of it comes, and word of two may come in another order than they
 * happened. Of a transaction that failed nobody knows whether it took effect: its keys are in doubt until the store is
 * asked. What the store holds and none of these can have left, the disk has altered.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { PendingChanges } from './pending-changes.ts'
import type { KeyChange } from './rows.ts'

type Version = Uint8Array | null

/** A key that a transaction changes; where its records are dropped, only the hash is known. */
export interface Changed {
  readonly hash: Uint8Array
  readonly key: StoredKey | null
}

/** A key that has to be looked up, and what commits that seemed to fail may have made of it. */
export interface Doubt extends Changed {
  readonly maybe: readonly Version[]
}

export class UncertainCommits {
  /** What was decided and is not heard of yet. */
  readonly pending: PendingChanges = new PendingChanges()
  /** Keys, by their hash, whose last change failed: whether it took effect after all, only the store can say. */
  readonly #doubtful = new Map<string, Doubt>()
  /** By key hash, the last commit that was heard of. */
  readonly #latest = new Map<string, number>()

  /** Word of a commit has come; returns whether none that changed the key after it was heard of before. */
  heard(name: string, order: number): boolean {
    if ((this.#latest.get(name) ?? 0) > order) return false
    this.#latest.set(name, order)
    return true
  }

  /** A commit is not pending any more. Word of all before those that are has come: nothing can overtake them. */
  over(order: number): void {
    this.pending.delete(order)
    if (this.pending.size === 0) this.#latest.clear()
    else if (this.#latest.size > bounds.commitOrdersMax) {
      const { first } = this.pending
      for (const [hash, order] of this.#latest) if (order < first) this.#latest.delete(hash)
    }
  }

  /** What was decided may have been changed, or not. */
  failed(changes: readonly KeyChange[]): void {
    for (const { hash, version } of changes) this.doubt({ hash, key: null }, [version])
  }

  /** A key has to be looked up; a commit that seemed to fail may have made `maybe` of it. */
  doubt({ hash, key }: Changed, maybe: readonly Version[] = []): void {
    const name = bytesToHex(hash)
    const before = this.#doubtful.get(name)
    this.#doubtful.set(name, { hash, key: key ?? before?.key ?? null, maybe: [...(before?.maybe ?? []), ...maybe] })
  }

  /** Whether any key is in doubt. */
  get areAny(): boolean {
    return this.#doubtful.size > 0
  }

  /** The first `count` keys in doubt. */
  first(count: number): readonly Doubt[] {
    return [...this.#doubtful.values()].slice(0, count)
  }

  /** What is in doubt of a key, which may be nothing. */
  doubtOf(hash: Uint8Array): Doubt {
    return this.#doubtful.get(bytesToHex(hash)) ?? { hash, key: null, maybe: [] }
  }

  /** Keys were looked up. One may have come in doubt anew, by a commit after that: then it stays so. */
  lookedUp(doubts: readonly Doubt[]): void {
    for (const doubt of doubts) {
      const name = bytesToHex(doubt.hash)
      if (this.#doubtful.get(name) === doubt) this.#doubtful.delete(name)
    }
  }

  /** Whether there should be a record of a key, of which commits that were heard of have left `known`. */
  isExpected(name: string, known: Version): boolean {
    if (this.#doubtful.get(name)?.maybe.includes(null) === true) return false
    const decided = this.pending.versionsOf(name).at(-1)
    return (decided === undefined ? known : decided) !== null
  }

  /**
   * Whether a version is what commits have left of a key: those heard of, those not heard of yet, those that may have
   * failed.
   */
  mayHaveLeft({ hash, maybe }: Doubt, known: Version, version: Version): boolean {
    return [known, ...maybe, ...this.pending.versionsOf(bytesToHex(hash))].some((each) => isSame(each, version))
  }
}
