/**
 * Which nodes requests reach, as it changes: whoever comes within reach is brought in step, and has waiting hints
 * delivered.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Peers } from './peers.ts'

export class Reachability {
  /** A node has come within reach. */
  onCame: (node: NodeId) => void = () => {}
  readonly #peers: Peers
  readonly #within = new Set<NodeId>()

  constructor(peers: Peers) {
    this.#peers = peers
  }

  /** Looks at a node again. */
  review(node: NodeId): void {
    const isWithin = this.#peers.isReachable(node)
    if (isWithin === this.#within.has(node)) return
    if (isWithin) this.#within.add(node)
    else this.#within.delete(node)
    if (isWithin) this.onCame(node)
  }

  /** A node, or this one, may have missed something: whoever is within reach has come anew. */
  renew(nodes: Iterable<NodeId>): void {
    for (const node of nodes) {
      this.#within.delete(node)
      this.review(node)
    }
  }
}
