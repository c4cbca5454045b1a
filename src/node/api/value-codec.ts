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
import { depthOf } from './msgpack-depth.ts'

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
