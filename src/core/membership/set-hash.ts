/**
 * A hash of a set of texts, kept up as they come and go: the exclusive-or of their hashes, so that a change of one member costs two
 * hashes however many there are. Equal for equal sets whatever the order.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { digestOf } from '../hash.ts'
import type { ViewHash } from '../ids.ts'

/** Hex digits of a view's hash. */
const digits = 16

export class SetHash {
  #sum = 0n

  /** A text that is not in the set comes into it, and one that is goes. */
  toggle(text: string): void {
    this.#sum ^= BigInt(`0x${digestOf(utf8ToBytes(text)).slice(0, digits)}`)
  }

  get value(): ViewHash {
    return this.#sum.toString(16).padStart(digits, '0') as ViewHash
  }
}
