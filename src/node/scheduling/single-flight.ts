/**
 * Single flight: work that runs at most once at a time for each node (not in the paper).
 *
 * A caller that asks while it runs gets the promise that is under way, or queues behind it.
 */
import type { NodeId } from '../../core/ids.ts'

export class SingleFlight<T = void> {
  /** By node with work under way: the last in its queue. */
  readonly #last = new Map<NodeId, Promise<T>>()

  /** Starts `work` for `node`, unless some runs already. Resolves when the work has ended. */
  run(node: NodeId, work: () => Promise<T>): Promise<T> {
    return this.#last.get(node) ?? this.queue(node, work)
  }

  /** Starts `work` once all earlier work for `node` has ended, well or not. */
  queue(node: NodeId, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(node)
    const running = (before === undefined ? work() : before.then(work, work)).finally(() => {
      if (this.#last.get(node) === running) this.#last.delete(node)
    })
    this.#last.set(node, running)
    return running
  }
}
