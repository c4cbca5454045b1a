/**
 * What is to be done with other nodes soon: once for many reasons, and with each node one time after the other.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

interface Due {
  readonly atMs: number
  readonly cancel: () => void
  readonly tasks: (() => void)[]
}

export class Appointments {
  readonly #clock: Clock
  readonly #keep: (node: NodeId) => Promise<number | null>
  /** Nodes that are due, when, and what to do after. */
  readonly #due = new Map<NodeId, Due>()
  readonly #underWay = new Map<NodeId, Promise<unknown>>()

  /**
   * `keep` does what there is to do with a node, and does not fail; it returns after how long to try again where it
   * came too early.
   */
  constructor(clock: Clock, keep: (node: NodeId) => Promise<number | null>) {
    this.#clock = clock
    this.#keep = keep
  }

  /**
   * Meets a node after a moment, so that a burst of reasons makes one meeting: at the earliest time asked for. `then`
   * runs after it.
   */
  soon(node: NodeId, delayMs: number, then: () => void): void {
    const atMs = this.#clock.now() + delayMs
    const due = this.#due.get(node)
    if (due !== undefined && due.atMs <= atMs) {
      due.tasks.push(then)
      return
    }
    due?.cancel()
    const cancel = this.#clock.after(delayMs, () => void this.#meet(node))
    this.#due.set(node, { atMs, cancel, tasks: [...(due?.tasks ?? []), then] })
  }

  /** Waits for the meeting under way; whatever becomes due meanwhile joins in. */
  async #meet(node: NodeId): Promise<void> {
    await this.#underWay.get(node)
    const due = this.#due.get(node)
    if (due === undefined) return
    this.#due.delete(node)
    const meeting = this.#keep(node)
    this.#underWay.set(node, meeting)
    const againMs = await meeting
    this.#underWay.delete(node)
    for (const task of due.tasks) {
      if (againMs === null) task()
      else this.soon(node, againMs, task)
    }
  }
}
