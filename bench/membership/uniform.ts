/**
 * Pseudo-random numbers in [0, 1), fast and the same for one seed: xorshift128 (Marsaglia 2003).
 */
export function uniform(seed: number): () => number {
  let [a, b, c, d] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 0xb7e15162 | 0]
  const next = () => {
    const t = a ^ (a << 11)
    a = b
    b = c
    c = d
    d = d ^ (d >>> 19) ^ t ^ (t >>> 8)
    return (d >>> 0) / 2 ** 32
  }
  for (let warmUp = 0; warmUp < 16; warmUp += 1) next()
  return next
}
