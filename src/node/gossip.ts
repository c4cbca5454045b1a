/**
 * Membership exchange (Dynamo, section 4.8): every second with a random peer, and at once where two views differ.
 *
 * Claims travel only where the other's view hash differs from ours; else the empty exchange is a sign of life.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId, ViewHash } from '../core/ids.ts'
import type { Claim } from '../core/membership/claims.ts'
import type { Clock } from '../ports.ts'
import { repeat } from './deadline.ts'
import { OnePerNode } from './one-per-node.ts'
import type { Peers } from './peers.ts'
import type { Routing } from './routing.ts'

export class Gossip {
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #chance: () => number
  readonly #views = new Map<NodeId, ViewHash>()
  readonly #exchanges = new OnePerNode()

  constructor(peers: Peers, routing: Routing, chance: () => number) {
    this.#peers = peers
    this.#routing = routing
    this.#chance = chance
  }

  /** Gossips until the returned function is called. */
  start(clock: Clock): () => void {
    return repeat(clock, bounds.gossipIntervalMs, this.#chance, async () => {
      const peers = this.#peers.connected
      const chosen = peers[Math.floor(this.#chance() * peers.length)]
      if (chosen !== undefined) await this.pushPull(chosen)
    })
  }

  /** A node showed its view hash; where it differs from ours, claims are exchanged. */
  seen(node: NodeId, view: ViewHash): void {
    this.#views.set(node, view)
    if (view !== this.#routing.hash) void this.pushPull(node)
  }

  /** What to answer to a node's claims. */
  answer(from: NodeId, claims: readonly Claim[]): readonly Claim[] {
    this.#routing.merge(claims)
    return this.#claimsFor(from)
  }

  #claimsFor(node: NodeId): readonly Claim[] {
    return this.#views.get(node) === this.#routing.hash ? [] : this.#routing.claims
  }

  /** One exchange with one node, never two at once. Its failure shows in the node's reachability. */
  pushPull(node: NodeId): Promise<void> {
    return this.#exchanges.run(node, () => this.#exchange(node))
  }

  async #exchange(node: NodeId): Promise<void> {
    try {
      const reply = await this.#peers.request(node, { type: 'members', claims: this.#claimsFor(node) })
      if (reply.type === 'members') this.#routing.merge(reply.claims)
    } catch {
      // Silence and refusals are the peers' to judge.
    }
  }
}
