/**
 * Chance from the browser's own generator.
 */
import type { Random } from '../ports.ts'

export const cryptoRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
