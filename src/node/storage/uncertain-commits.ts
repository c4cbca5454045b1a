/**
 * Uncertain commits: transactions with an unknown end, and the versions they may have left (not in the paper).
 *
 * A decided commit is pending until the store reports its end. Reports may come in another order than the commits
 * happened. A failed transaction, or an earlier decision of a repeated one, may have taken effect. Its keys are in
 * doubt until they are looked up. A stored version that no commit can have left was altered by the disk.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { isSame } from '../../core/merkle/reconciliation.ts'
import { PendingChanges } from './pending-changes.ts'
import type { KeyChange } from './rows.ts'

type Version = Uint8Array | null

/** A key that a transaction changes. `key`: null if only the hash is known, as for dropped records. */
export interface Changed {
  readonly hash: Uint8Array
  readonly key: StoredKey | null
}

/** A key that has to be looked up. `maybe`: versions from commits with an unknown end. */
export interface Doubt extends Changed {
  readonly maybe: readonly Version[]
}

export class UncertainCommits {
  /** Commits that are decided and not yet reported as ended. */
  readonly pending: PendingChanges = new PendingChanges()
  /** Keys in doubt, by their hash in hex. Only the store can tell their versions. */
  readonly #doubtful = new Map<string, Doubt>()
  /** By key hash in hex: the latest commit that was reported. */
  readonly #latest = new Map<string, number>()

  /** The store has reported a commit of a key. Returns false if it had reported a later commit of that key before. */
  heard(name: string, order: number): boolean {
    if ((this.#latest.get(name) ?? 0) > order) return false
    this.#latest.set(name, order)
    return true
  }

  /**
   * A commit is not pending any more. No report can overtake commits older than all pending ones, so these may be
   * forgotten.
   */
  over(order: number): void {
    this.pending.delete(order)
    if (this.pending.size === 0) this.#latest.clear()
    else if (this.#latest.size > bounds.commitOrdersMax) {
      const { first } = this.pending
      for (const [hash, order] of this.#latest) if (order < first) this.#latest.delete(hash)
    }
  }

  /** These decided changes may have taken effect, or not. */
  failed(changes: readonly KeyChange[]): void {
    for (const { hash, version } of changes) this.doubt({ hash, key: null }, [version])
  }

  /** Puts a key in doubt. `maybe`: versions from commits with an unknown end. */
  doubt({ hash, key }: Changed, maybe: readonly Version[] = []): void {
    const name = bytesToHex(hash)
    const before = this.#doubtful.get(name)
    this.#doubtful.set(name, { hash, key: key ?? before?.key ?? null, maybe: [...(before?.maybe ?? []), ...maybe] })
  }

  /** True if any key is in doubt. */
  get areAny(): boolean {
    return this.#doubtful.size > 0
  }

  /** The first `count` keys in doubt. */
  first(count: number): readonly Doubt[] {
    return [...this.#doubtful.values()].slice(0, count)
  }

  /** The doubt about a key. It is empty for a key that is not in doubt. */
  doubtOf(hash: Uint8Array): Doubt {
    return this.#doubtful.get(bytesToHex(hash)) ?? { hash, key: null, maybe: [] }
  }

  /** These keys were looked up. A later transaction may have put a key in doubt anew: then it stays so. */
  lookedUp(doubts: readonly Doubt[]): void {
    for (const doubt of doubts) {
      const name = bytesToHex(doubt.hash)
      if (this.#doubtful.get(name) === doubt) this.#doubtful.delete(name)
    }
  }

  /**
   * True if a record of a key should be here. `known`: the version that reported commits have left. A commit with an
   * unknown end that may have deleted the record makes this false.
   */
  isExpected(name: string, known: Version): boolean {
    if (this.#doubtful.get(name)?.maybe.includes(null) === true) return false
    const decided = this.pending.versionsOf(name).at(-1)
    return (decided === undefined ? known : decided) !== null
  }

  /** True if a commit may have left this version of a key: reported, pending, or with an unknown end. */
  mayHaveLeft({ hash, maybe }: Doubt, known: Version, version: Version): boolean {
    return [known, ...maybe, ...this.pending.versionsOf(bytesToHex(hash))].some((each) => isSame(each, version))
  }
}
