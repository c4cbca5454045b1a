/**
 * Chance that repeats: the same seed gives the same bytes (not in the paper).
 *
 * The generator is sfc32 (Chris Doty-Humphrey's PractRand). It is good enough for simulations, and useless for secrets.
 */
import type { Random } from '../ports.ts'

export function seededRandom(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, seed | 0, Math.floor(seed / 2 ** 32) | 0, 1]
  const next32 = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let warmUp = 0; warmUp < 12; warmUp += 1) next32()
  return { bytes: (length) => Uint8Array.from({ length }, () => next32() & 0xff) }
}
