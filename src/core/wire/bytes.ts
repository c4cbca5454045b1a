/**
 * Writing and reading bytes: variable-length integers, length-prefixed bytes and text, fixed-length ids (not in the
 * paper).
 *
 * Reading is total. A reader may meet too few bytes, a length past the end or a number out of range. It then remembers
 * the failure and gives empty values, and the caller checks `finished()` once at the end. A length that exceeds the
 * bytes at hand allocates nothing, and no code recurses.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { assert } from '../assert.ts'
import { decodeUtf8, encodeUtf8 } from '../utf8.ts'

/** Bytes of a first buffer, and of the largest one that the next writer may reuse. */
const [firstBytes, keptBytes] = [256, 65_536]

/** The value of a hex digit: '0' is 0x30, 'a' is 0x61. */
function digitAt(digits: string, index: number): number {
  const code = digits.charCodeAt(index)
  return (code & 0xf) + (code >> 6) * 9
}

export class ByteWriter {
  /** The buffer of the last finished writer. A new one takes longer than writing a small record. */
  static #spare: Uint8Array | undefined
  #bytes: Uint8Array
  #length = 0

  constructor() {
    this.#bytes = ByteWriter.#spare ?? new Uint8Array(firstBytes)
    ByteWriter.#spare = undefined
  }

  #reserve(more: number): number {
    const start = this.#length
    this.#length += more
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, start))
      this.#bytes = grown
    }
    return start
  }

  byte(value: number): void {
    const at = this.#reserve(1)
    this.#bytes[at] = value
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, low bits first. */
  integer(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'integers on the wire are whole and not negative')
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.byte(rest)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  bytes(bytes: Uint8Array): void {
    this.integer(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    this.bytes(encodeUtf8(text))
  }

  /** Hex digits, two to a byte. The reader must know their number. */
  hex(digits: string): void {
    assert(digits.length % 2 === 0, 'hex digits come in pairs')
    const at = this.#reserve(digits.length / 2)
    // In place: an array for each id takes several times as long.
    for (let index = 0; index < digits.length; index += 2)
      this.#bytes[at + index / 2] = (digitAt(digits, index) << 4) | digitAt(digits, index + 1)
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.integer(items.length)
    for (const item of items) write(item)
  }

  /** The bytes written. The writer must not be used afterwards. */
  done(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length)
    if (this.#bytes.length <= keptBytes) ByteWriter.#spare = this.#bytes
    this.#bytes = written
    return written
  }
}

const nothing = new Uint8Array(0)

export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** Marks what was read as malformed. Everything read afterwards is empty. */
  fail(): void {
    this.#failed = true
    this.#at = this.#bytes.length
  }

  get failed(): boolean {
    return this.#failed
  }

  /** True if all bytes were read, and none was malformed. */
  finished(): boolean {
    return !this.#failed && this.remaining === 0
  }

  byte(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) {
      this.fail()
      return 0
    }
    this.#at += 1
    return value
  }

  /** A whole number from 0 to `max`. */
  integer(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let index = 0; index < 8; index += 1) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > max) this.fail()
        return this.#failed ? 0 : value
      }
      scale *= 0x80
    }
    this.fail()
    return 0
  }

  /** The next `length` bytes, copied, so that they do not keep the whole message in memory. */
  raw(length: number): Uint8Array {
    if (length > this.remaining) {
      this.fail()
      return nothing
    }
    const start = this.#at
    this.#at += length
    return this.#bytes.slice(start, this.#at)
  }

  bytes(max: number): Uint8Array {
    return this.raw(this.integer(max))
  }

  /** Text of at most `max` UTF-8 bytes. */
  text(max: number): string {
    const text = decodeUtf8(this.bytes(max))
    if (text === null) this.fail()
    return text ?? ''
  }

  /** `digits` hex digits. */
  hex(digits: number): string {
    const bytes = this.raw(digits / 2)
    return this.#failed ? '' : bytesToHex(bytes)
  }

  /**
   * A list of at most `max` items. Each item takes at least one byte, so a count above the bytes at hand is refused
   * before anything is allocated. By default the bytes alone bound a list: a reader must accept every record that a
   * writer has stored.
   */
  list<T>(read: () => T, max: number = Number.MAX_SAFE_INTEGER): readonly T[] {
    const count = this.integer(Math.min(max, this.remaining))
    const items: T[] = []
    for (let index = 0; index < count && !this.#failed; index += 1) items.push(read())
    return items
  }
}

/** Decodes a whole message with `read`. Null if the bytes are malformed in any way. */
export function decodeWith<T>(bytes: Uint8Array, read: (reader: ByteReader) => T | null): T | null {
  const reader = new ByteReader(bytes)
  const value = read(reader)
  return reader.finished() ? value : null
}
