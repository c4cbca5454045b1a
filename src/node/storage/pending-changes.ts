/**
 * What transactions have been decided to change, and nobody has heard of yet: by commit, and by key.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Partition } from '../../core/ids.ts'
import { partitionIn } from '../../core/merkle/forest.ts'
import type { KeyChange } from './rows.ts'

type Version = Uint8Array | null

export class PendingChanges {
  /** In the order in which they were decided, which is that of their numbers. */
  readonly #commits = new Map<number, readonly KeyChange[]>()
  /** The session in which each was decided. */
  readonly #sessions = new Map<number, number>()
  /** By key hash and commit. */
  readonly #byKey = new Map<string, Map<number, Version>>()

  get size(): number {
    return this.#commits.size
  }

  /** The first commit that is pending; infinity where none is. */
  get first(): number {
    const [first = Number.POSITIVE_INFINITY] = this.#commits.keys()
    return first
  }

  /** The earliest session in which one of them was decided; null where none is pending. */
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

  /** What pending commits make of a key, by its hash in hex, the last one last. */
  versionsOf(name: string): readonly Version[] {
    return [...(this.#byKey.get(name)?.values() ?? [])]
  }

  concerns(partition: Partition): boolean {
    return [...this.#commits.values()].some((changes) => changes.some(({ hash }) => partitionIn(hash) === partition))
  }
}
