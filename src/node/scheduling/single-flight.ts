/**
 * Single flight: work that runs at most once at a time for each node (not in the paper).
 *
 * A caller that asks while it runs gets the promise that is under way.
 */
import type { NodeId } from '../../core/ids.ts'

export class SingleFlight {
  readonly #underWay = new Map<NodeId, Promise<void>>()

  /** Starts `work` for `node`, unless it runs already. Resolves when the work has ended. */
  run(node: NodeId, work: () => Promise<void>): Promise<void> {
    const running = this.#underWay.get(node) ?? work().finally(() => this.#underWay.delete(node))
    this.#underWay.set(node, running)
    return running
  }
}
