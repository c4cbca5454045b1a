/**
 * Random bytes of a browser (not in the paper).
 *
 * They come from the browser's own generator, `crypto.getRandomValues` of Web Cryptography.
 */
import type { Random } from '../ports.ts'

export const cryptoRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
