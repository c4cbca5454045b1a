/**
 * Plain data: one text for all values that are equal.
 *
 * Values are what a node stores: JSON-like data, `Uint8Array`, `Date` and `bigint`. A property that is `undefined`
 * counts as absent, as it does when the value is stored.
 */
import { compareText } from './tree.ts'

/** True for an object with properties and nothing else. It may come from another frame, whose classes are not ours. */
export function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The properties that are there, by name. */
export function entriesOf(value: object | undefined): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value ?? {}).filter(([, item]) => item !== undefined))
}

/**
 * A text that equal values share and others do not: JSON with sorted properties. Where JSON has no word for a part, the
 * text is no JSON.
 */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`
  if (isRecord(value)) {
    const properties = [...entriesOf(value)].sort(([a], [b]) => compareText(a, b))
    return `{${properties.map(([name, item]) => `${textOf(name)}:${textOf(item)}`).join()}}`
  }
  if (value === null || (typeof value !== 'object' && typeof value !== 'bigint')) return String(value)
  return `${Object.prototype.toString.call(value)}${(value as Date).toJSON?.() ?? value}`
}

/** True if two values would be stored alike. */
export function equal(a: unknown, b: unknown): boolean {
  if (isBytes(a) && isBytes(b)) return a.length === b.length && a.every((byte, index) => byte === b[index])
  return a === b || textOf(a) === textOf(b)
}

const isBytes = (value: unknown): value is Uint8Array => ArrayBuffer.isView(value)

/** A short text for a value: two that differ have different ones, but for one pair of a length in 2^32. */
export function hashOf(value: unknown): string {
  const text = textOf(value)
  let hash = 0
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x9e3779b1)
  return `${text.length}.${hash}`
}
