/**
 * How often each fault struck and each rare path was taken: a run in which one never did has not tested what it claims.
 */
export class Counters {
  readonly #counts = new Map<string, number>()

  count(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  add(other: Counters): void {
    for (const [name, count] of other.#counts) this.count(name, count)
  }

  get entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))
  }
}
