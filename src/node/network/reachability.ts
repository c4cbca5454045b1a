/**
 * Reachability: the nodes that requests reach, as they change (Dynamo, section 4.8.3: a local notion of failure).
 *
 * A node that comes within reach is brought in step, and is delivered its hints.
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

  /** Looks again if a node is within reach. */
  review(node: NodeId): void {
    const isWithin = this.#peers.isReachable(node)
    if (isWithin === this.#within.has(node)) return
    if (isWithin) this.#within.add(node)
    else this.#within.delete(node)
    if (isWithin) this.onCame(node)
  }

  /** These nodes, or this one, may have missed something: those within reach count as coming anew. */
  renew(nodes: Iterable<NodeId>): void {
    for (const node of nodes) {
      this.#within.delete(node)
      this.review(node)
    }
  }
}
