/**
 * Nodes that could not be reached through others a moment ago: nobody is asked to pass anything on to them until it
 * is over. What is over is forgotten, so that no more is kept than fails within that moment.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

export class Unrelayed {
  readonly #clock: Pick<Clock, 'now'>
  /** When that was; the longest ago first. */
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

  /** There is a channel to it by now. */
  delete(node: NodeId): void {
    this.#failedAt.delete(node)
  }

  #isOver(failedAt: number): boolean {
    return this.#clock.now() - failedAt >= bounds.relayRetryMs
  }
}
