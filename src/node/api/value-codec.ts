/**
 * Values as bytes: MessagePack, with extensions for `Date` and `bigint` (Dynamo, section 4.1: opaque values).
 *
 * A value that would come back changed is refused: functions, class instances, `undefined` in arrays, cycles, broken
 * surrogates. `undefined` properties are left out, as in JSON. The depth of a peer's bytes is checked before any code
 * recurses into them.
 */
import { Decoder, Encoder, ExtensionCodec } from '@msgpack/msgpack'
import { bounds } from '../../core/bounds.ts'
import { isWellFormed } from '../../core/utf8.ts'
import { TabringError } from '../../errors.ts'

const extensionTypes = { bigint: 1, date: 2 } as const

function extensions(): ExtensionCodec {
  const codec = new ExtensionCodec()
  const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, bounds.valueBytesMax))
  codec.register({
    type: extensionTypes.bigint,
    encode: (value) => (typeof value === 'bigint' ? ascii(value.toString(36)) : null),
    decode: (bytes) => (bytes.length > bigintDigitsMax + 1 ? undefined : parseBigint(text(bytes))),
  })
  codec.register({
    type: extensionTypes.date,
    encode: (value) => (isDate(value) ? ascii(String(value.getTime())) : null),
    decode: (bytes) => new Date(Number(text(bytes))),
  })
  return codec
}

function parseBigint(text: string): bigint {
  const negative = text.startsWith('-')
  let value = 0n
  for (const digit of negative ? text.slice(1) : text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return negative ? -value : value
}

/** The reason why a value cannot be stored, with the path to the culprit. Null if it can. */
function fault(value: unknown, path: string, depth: number): string | null {
  if (depth > bounds.valueDepthMax)
    return `${path} is nested deeper than ${bounds.valueDepthMax} levels, or refers to itself`
  if (typeof value === 'string') return isWellFormed(value) ? null : `${path} holds half of a surrogate pair`
  if (typeof value === 'bigint')
    return value.toString(36).length > bigintDigitsMax ? `${path} has too many digits` : null
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return null
  if (typeof value !== 'object') return `${path} is ${value === undefined ? 'undefined' : `a ${typeof value}`}`
  if (isDate(value)) return Number.isNaN(value.getTime()) ? `${path} is an invalid date` : null
  if (tagOf(value) === '[object Uint8Array]') return null
  if (Array.isArray(value)) {
    return firstFault(Array.from(value.keys()), (index) => fault(value[index], `${path}[${index}]`, depth + 1))
  }
  if (!isPlain(value)) return `${path} is an instance of a class`
  return firstFault(Object.entries(value), ([name, item]) => {
    if (name === '__proto__' || !isWellFormed(name)) return `${path} has a property whose name cannot be stored`
    return item === undefined ? null : fault(item, `${path}.${name}`, depth + 1)
  })
}

// Values may come from another frame, whose classes are not ours. So tag and prototype tell their type, not
// `instanceof`.
const tagOf = (value: unknown): string => Object.prototype.toString.call(value)
const isDate = (value: unknown): value is Date => tagOf(value) === '[object Date]'

/** True if an object is a plain one, of any frame: its prototype is null, or the end of the prototype chain. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Base-36 digits of a bigint: parsing takes time quadratic in them. */
const bigintDigitsMax = 1024

function firstFault<T>(items: readonly T[], check: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = check(item)
    if (found !== null) return found
  }
  return null
}

/** The codec of values. It keeps nothing from one value to the next. */
export class ValueCodec {
  readonly #extensions = extensions()

  /** The bytes of a value. Throws `invalid-value` or `value-too-large`; nothing has changed then. */
  encode(value: unknown): Uint8Array {
    try {
      return this.#encode(value)
    } catch (error) {
      if (error instanceof TabringError) throw error
      const detail = error instanceof Error ? error.message : String(error)
      const text = `the value could not be read to its end: ${detail}. Nothing was stored.`
      throw new TabringError('invalid-value', text, 'nothing', error)
    }
  }

  #encode(value: unknown): Uint8Array {
    const found = fault(value, 'the value', 0)
    if (found !== null) {
      throw new TabringError(
        'invalid-value',
        `${found}. Values are JSON-like data, Uint8Array, Date and bigint. Nothing was stored.`,
      )
    }
    const bytes = new Encoder({
      extensionCodec: this.#extensions,
      ignoreUndefined: true,
      maxDepth: bounds.valueDepthMax + 1,
    }).encode(value)
    if (bytes.length > bounds.valueBytesMax) {
      const text = `the value takes ${bytes.length} bytes encoded; at most ${bounds.valueBytesMax} are stored. Nothing was stored.`
      throw new TabringError('value-too-large', text)
    }
    return bytes
  }

  /**
   * The value, or undefined if the bytes are malformed. It shares no memory with `bytes`, so the caller may change it.
   */
  decode(bytes: Uint8Array): unknown {
    if (depthOf(bytes) > bounds.valueDepthMax + 1) return undefined
    try {
      return new Decoder({ extensionCodec: this.#extensions }).decode(bytes.slice())
    } catch {
      return undefined
    }
  }
}

// The nesting depth of MessagePack. The decoder would follow a million nested arrays (1 MB) for 400 ms, with 190 MB of
// memory. Skimming them without recursion takes a millisecond and comes first. Format: the MessagePack specification.

/** Bytes after the first one that give a length or are the value itself, by the first byte from 0xc0 to 0xdf. */
const headBytes: readonly number[] = [
  0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4,
]

/** One head: the bytes to skip with it, and the number of items nested in it. */
interface Item {
  readonly size: number
  readonly nested: number
}

function itemAt(bytes: Uint8Array, at: number): Item {
  const first = bytes[at] ?? 0
  if (first < 0x80 || first >= 0xe0) return { size: 1, nested: 0 }
  if (first < 0x90) return { size: 1, nested: 2 * (first & 0x0f) }
  if (first < 0xa0) return { size: 1, nested: first & 0x0f }
  if (first < 0xc0) return { size: 1 + (first & 0x1f), nested: 0 }
  const head = headBytes[first - 0xc0] ?? 0
  const length = () => bytes.subarray(at + 1, at + 1 + head).reduce((sum, byte) => sum * 256 + byte, 0)
  if (first >= 0xde) return { size: 1 + head, nested: 2 * length() }
  if (first >= 0xdc) return { size: 1 + head, nested: length() }
  if (first >= 0xd9 || (first >= 0xc4 && first <= 0xc6)) return { size: 1 + head + length(), nested: 0 }
  if (first >= 0xc7 && first <= 0xc9) return { size: 2 + head + length(), nested: 0 }
  return { size: 1 + head, nested: 0 }
}

/**
 * The greatest number of arrays and maps inside each other. Infinite if the bytes promise more items than they could
 * hold: a decoder would allocate for them before it finds out.
 */
export function depthOf(bytes: Uint8Array): number {
  const open: number[] = []
  let deepest = 0
  let promised = 0
  for (let at = 0; at < bytes.length; ) {
    const { size, nested } = itemAt(bytes, at)
    at += size
    promised += nested
    if (promised > bytes.length) return Number.POSITIVE_INFINITY
    const inner = open.at(-1)
    if (inner !== undefined) open[open.length - 1] = inner - 1
    if (nested > 0) deepest = Math.max(deepest, open.push(nested))
    while (open.at(-1) === 0) open.pop()
  }
  return deepest
}
