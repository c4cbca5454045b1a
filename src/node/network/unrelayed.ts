/**
 * Nodes that no relay could reach a moment ago (not in the paper).
 *
 * For that moment no relay is asked for them. Then they are forgotten, so the list holds no more nodes than fail within
 * it.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

export class Unrelayed {
  readonly #clock: Pick<Clock, 'now'>
  /** The time of the failure, the longest ago first. */
  readonly #failedAt = new Map<NodeId, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  get size(): number {
    return this.#failedAt.size
  }

  has(node: NodeId): boolean {
    const failedAt = this.#failedAt.get(node)
    return failedAt !== undefined && !this.#isOver(failedAt)
  }

  add(node: NodeId): void {
    this.#failedAt.delete(node)
    this.#failedAt.set(node, this.#clock.now())
    for (const [other, failedAt] of this.#failedAt) {
      if (!this.#isOver(failedAt)) return
      this.#failedAt.delete(other)
    }
  }

  /** The node has a channel by now. */
  delete(node: NodeId): void {
    this.#failedAt.delete(node)
  }

  #isOver(failedAt: number): boolean {
    return this.#clock.now() - failedAt >= bounds.relayRetryMs
  }
}
