/**
 * Retention: the time this ring waits for absent nodes before it forgets (not in the paper).
 *
 * It is the longest retention of this node and of all nodes it has met. Nodes of one ring need not agree on it, but a
 * delete forgotten early by one node is forgotten for all. So each node states its retention in its hello, and the
 * longer one holds at both ends. It never gets shorter while a node runs.
 */
export class Retention {
  #ms: number

  constructor(ms: number) {
    this.#ms = ms
  }

  get ms(): number {
    return this.#ms
  }

  /** A node has stated its retention, ms. */
  heard(ms: number): void {
    this.#ms = Math.max(this.#ms, ms)
  }
}
