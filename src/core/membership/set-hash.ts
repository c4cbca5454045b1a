/**
 * A hash of a set of texts, updated as texts come and go (not in the paper; incremental hashing by exclusive-or).
 *
 * It is the exclusive-or of the texts' hashes. So a change of one member costs two hashes, however many there are.
 * Equal sets have equal hashes in any order.
 */
import { tagOf } from '../hash.ts'
import type { ViewHash } from '../ids.ts'

/** Hex digits of a view's hash. */
const digits = 16

export class SetHash {
  /** Kept as text: every message reads it, and only a change of a member rewrites it. */
  #value = '0'.repeat(digits) as ViewHash

  /** Adds a text that is not in the set, and removes one that is. */
  toggle(text: string): void {
    const sum = BigInt(`0x${this.#value}`) ^ BigInt(`0x${tagOf(text).slice(0, digits)}`)
    this.#value = sum.toString(16).padStart(digits, '0') as ViewHash
  }

  get value(): ViewHash {
    return this.#value
  }
}
