/**
 * Which nodes requests reach, as it changes: whoever comes within reach is brought in step, and has waiting hints
 * delivered.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Peers } from './peers.ts'

export class Reach {
  readonly #peers: Peers
  readonly #came: (node: NodeId) => void
  readonly #within = new Set<NodeId>()

  /** `came` hears of every node that has come within reach. */
  constructor(peers: Peers, came: (node: NodeId) => void) {
    this.#peers = peers
    this.#came = came
  }

  /** Looks at a node again. */
  review(node: NodeId): void {
    const isWithin = this.#peers.isReachable(node)
    if (isWithin === this.#within.has(node)) return
    if (isWithin) this.#within.add(node)
    else this.#within.delete(node)
    if (isWithin) this.#came(node)
  }

  /** A node, or this one, may have missed something: whoever is within reach has come anew. */
  renew(nodes: Iterable<NodeId>): void {
    for (const node of nodes) {
      this.#within.delete(node)
      this.review(node)
    }
  }
}
