/**
 * Text as UTF-8, and back (RFC 3629, section 3).
 *
 * Malformed bytes decode to null, not to replacement characters: two different keys must never become one text. The
 * core has no TextDecoder, so the decoder is written out here.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { bounds } from './bounds.ts'

/**
 * The text as UTF-8. A lone half of a surrogate pair becomes U+FFFD. Most keys are ASCII and need no encoder object.
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
  // The usual case: an ASCII key. The length is bounded because engines limit the arguments of one call.
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

/** True if the text survives UTF-8: it holds no lone half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)
}
