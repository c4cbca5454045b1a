/**
 * For how long this ring waits for those who are away before it forgets: the longest time that any node met here was
 * opened with.
 *
 * Nodes of one ring need not agree on it, and what one of them forgets early is forgotten for all. So each says in
 * its hello what it goes by, and the longer time holds at both ends. It never gets shorter while a node runs.
 */
export class Retention {
  #ms: number

  constructor(ms: number) {
    this.#ms = ms
  }

  get ms(): number {
    return this.#ms
  }

  /** A node goes by so many ms. */
  heard(ms: number): void {
    this.#ms = Math.max(this.#ms, ms)
  }
}
