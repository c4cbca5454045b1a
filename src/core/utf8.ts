/**
 * Text as UTF-8, and back: malformed bytes give null instead of replacement characters, so that two different keys
 * never turn into one. (The core has no TextDecoder.) RFC 3629, section 3.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { bounds } from './bounds.ts'

/**
 * The text as UTF-8; half of a surrogate pair that stands alone becomes U+FFFD. Most keys are ASCII, and need no
 * encoder made for them.
 */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit >= 0x80) return utf8ToBytes(text)
    bytes[at] = unit
  }
  return bytes
}

/** The text of these bytes, or null if they are not well-formed UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  // Most are keys, and ASCII. Not many more arguments may be given to one call.
  if (bytes.length <= bounds.keyBytesMax && bytes.every((byte) => byte < 0x80)) return String.fromCharCode(...bytes)
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0
    const length =
      lead < 0x80
        ? 1
        : lead >= 0xc2 && lead < 0xe0
          ? 2
          : lead >= 0xe0 && lead < 0xf0
            ? 3
            : lead >= 0xf0 && lead < 0xf5
              ? 4
              : 0
    if (length === 0 || at + length > bytes.length) return null
    let point = length === 1 ? lead : lead & (0x7f >> length)
    for (let more = 1; more < length; more += 1) {
      const byte = bytes[at + more] ?? 0
      if ((byte & 0xc0) !== 0x80) return null
      point = (point << 6) | (byte & 0x3f)
    }
    if (isOverlong(point, length) || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null
    text += String.fromCodePoint(point)
    at += length
  }
  return text
}

function isOverlong(point: number, length: number): boolean {
  return (length === 2 && point < 0x80) || (length === 3 && point < 0x800) || (length === 4 && point < 0x10000)
}

/** Whether the text survives UTF-8: it has no half of a surrogate pair standing alone. */
export function isWellFormed(text: string): boolean {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)
}
