/**
 * A hash of a set of texts, kept up as they come and go: the exclusive-or of their hashes, so that a change of one
 * member costs two hashes however many there are. Equal for equal sets whatever the order.
 */
import { tagOf } from '../hash.ts'
import type { ViewHash } from '../ids.ts'

/** Hex digits of a view's hash. */
const digits = 16

export class SetHash {
  /** Kept as text: it is read with every message, and changes with a member. */
  #value = '0'.repeat(digits) as ViewHash

  /** A text that is not in the set comes into it, and one that is goes. */
  toggle(text: string): void {
    const sum = BigInt(`0x${this.#value}`) ^ BigInt(`0x${tagOf(text).slice(0, digits)}`)
    this.#value = sum.toString(16).padStart(digits, '0') as ViewHash
  }

  get value(): ViewHash {
    return this.#value
  }
}
