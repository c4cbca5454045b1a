/**
 * What is to be done with other nodes soon: once for many reasons, and with each node one time after the other.
 */
import type { NodeId } from '../core/ids.ts'
import type { Clock } from '../ports.ts'

export class Appointments {
  readonly #clock: Clock
  readonly #keep: (node: NodeId) => Promise<number | null>
  /** Nodes that are due, and what to do after. */
  readonly #due = new Map<NodeId, (() => void)[]>()
  readonly #underWay = new Map<NodeId, Promise<unknown>>()

  /** `keep` does what there is to do with a node, and does not fail; it returns after how long to try again where it came too early. */
  constructor(clock: Clock, keep: (node: NodeId) => Promise<number | null>) {
    this.#clock = clock
    this.#keep = keep
  }

  /** Meets a node after a moment, so that a burst of reasons makes one meeting. `then` runs after it. */
  soon(node: NodeId, delayMs: number, then: () => void): void {
    const tasks = this.#due.get(node)
    tasks?.push(then)
    if (tasks !== undefined) return
    this.#due.set(node, [then])
    this.#clock.after(delayMs, () => void this.#meet(node))
  }

  /** Waits for the meeting under way; whatever becomes due meanwhile joins in. */
  async #meet(node: NodeId): Promise<void> {
    await this.#underWay.get(node)
    const due = this.#due.get(node) ?? []
    this.#due.delete(node)
    const meeting = this.#keep(node)
    this.#underWay.set(node, meeting)
    const againMs = await meeting
    this.#underWay.delete(node)
    for (const task of due) {
      if (againMs === null) task()
      else this.soon(node, againMs, task)
    }
  }
}
