/**
 * Exchanges under way: since when an exchange with a node has been due, or has gone on, without one that ended well.
 *
 * Hints that such an exchange brings home are held back while it goes on. One that takes long, or fails again and
 * again, counts no more: a node must not keep hints back for it for ever.
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

  /** An exchange with a node ended well, or there is none to come. */
  ended(node: NodeId): void {
    this.#since.delete(node)
  }

  /** Whether an exchange with a node goes on or is about to, of this node or of the other. */
  includes(node: NodeId): boolean {
    const since = this.#since.get(node)
    return since !== undefined && this.#clock.now() - since < bounds.exchangeUnderWayMs
  }

  /** Forgets all nodes but those that `isKept` names. */
  keep(isKept: (node: NodeId) => boolean): void {
    for (const node of this.#since.keys()) if (!isKept(node)) this.#since.delete(node)
  }
}
