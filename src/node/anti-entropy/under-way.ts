/**
 * Exchanges under way: by node, the time since which an exchange has been due or has gone on (Dynamo, section 4.7).
 *
 * An exchange that ends well removes its node. While one goes on, hints that it transfers anyway are held back. An
 * exchange that takes long, or fails again and again, counts no more: hints must not wait for it for ever.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

export class UnderWay {
  readonly #clock: Pick<Clock, 'now'>
  readonly #since = new Map<NodeId, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** An exchange with a node begins, or is about to. */
  began(node: NodeId): void {
    if (!this.#since.has(node)) this.#since.set(node, this.#clock.now())
  }

  /** An exchange with a node ended well, or none will come. */
  ended(node: NodeId): void {
    this.#since.delete(node)
  }

  /** True if an exchange with a node, begun by either, goes on or is about to. */
  includes(node: NodeId): boolean {
    const since = this.#since.get(node)
    return since !== undefined && this.#clock.now() - since < bounds.exchangeUnderWayMs
  }

  /** Forgets all nodes except those for which `isKept` is true. */
  keep(isKept: (node: NodeId) => boolean): void {
    for (const node of this.#since.keys()) if (!isKept(node)) this.#since.delete(node)
  }
}
