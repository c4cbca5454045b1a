/**
 * Pending changes: decided changes of transactions whose end the store has not reported (not in the paper).
 *
 * They are found by commit and by key. A commit is known by the number of its decision.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Partition } from '../../core/ids.ts'
import { partitionIn } from '../../core/merkle/forest.ts'
import type { KeyChange } from './rows.ts'

type Version = Uint8Array | null

export class PendingChanges {
  /** By commit, in ascending order: its changes. */
  readonly #commits = new Map<number, readonly KeyChange[]>()
  /** By commit: the session of its first decision. */
  readonly #sessions = new Map<number, number>()
  /** By key hash in hex, and commit: the version that the commit gives the key. */
  readonly #byKey = new Map<string, Map<number, Version>>()

  get size(): number {
    return this.#commits.size
  }

  /** The first pending commit. Infinity for none. */
  get first(): number {
    const [first = Number.POSITIVE_INFINITY] = this.#commits.keys()
    return first
  }

  /** The earliest session of a pending commit. Null for none. */
  get openSince(): number | null {
    return this.size === 0 ? null : Math.min(...this.#sessions.values())
  }

  add(order: number, changes: readonly KeyChange[], session: number): void {
    this.#commits.set(order, changes)
    this.#sessions.set(order, session)
    for (const { hash, version } of changes) {
      const name = bytesToHex(hash)
      const versions = this.#byKey.get(name) ?? new Map<number, Version>()
      this.#byKey.set(name, versions.set(order, version))
    }
  }

  delete(order: number): void {
    for (const { hash } of this.#commits.get(order) ?? []) {
      const name = bytesToHex(hash)
      const versions = this.#byKey.get(name)
      versions?.delete(order)
      if (versions?.size === 0) this.#byKey.delete(name)
    }
    this.#commits.delete(order)
    this.#sessions.delete(order)
  }

  /** The versions that pending commits give a key, the latest one last. `name`: the key's hash in hex. */
  versionsOf(name: string): readonly Version[] {
    return [...(this.#byKey.get(name)?.values() ?? [])]
  }

  concerns(partition: Partition): boolean {
    return [...this.#commits.values()].some((changes) => changes.some(({ hash }) => partitionIn(hash) === partition))
  }
}
