/**
 * Appointments: exchanges that are due soon with other nodes (Dynamo, section 4.7).
 *
 * Many reasons make one appointment. Those with one node are kept one after the other.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'
import { SingleFlight } from '../scheduling/single-flight.ts'

interface Due {
  readonly atMs: number
  readonly cancel: () => void
  readonly tasks: (() => void)[]
}

export class Appointments {
  readonly #clock: Clock
  readonly #keep: (node: NodeId) => Promise<number | null>
  /** By node: the appointment, with its time and the tasks that follow it. */
  readonly #due = new Map<NodeId, Due>()
  readonly #meetings = new SingleFlight()

  /**
   * `keep` keeps the appointment with a node, and never rejects. If it came too early, it resolves to the pause before
   * the next try, ms.
   */
  constructor(clock: Clock, keep: (node: NodeId) => Promise<number | null>) {
    this.#clock = clock
    this.#keep = keep
  }

  /**
   * Makes an appointment with a node. A burst of reasons makes one, at the earliest time asked for. `then` runs after
   * it.
   */
  soon(node: NodeId, delayMs: number, then: () => void): void {
    const atMs = this.#clock.now() + delayMs
    const due = this.#due.get(node)
    if (due !== undefined && due.atMs <= atMs) {
      due.tasks.push(then)
      return
    }
    due?.cancel()
    const cancel = this.#clock.after(delayMs, () => void this.#meetings.queue(node, () => this.#meet(node)))
    this.#due.set(node, { atMs, cancel, tasks: [...(due?.tasks ?? []), then] })
  }

  /** Tasks that become due while a meeting goes on join the next one. */
  async #meet(node: NodeId): Promise<void> {
    const due = this.#due.get(node)
    if (due === undefined) return
    this.#due.delete(node)
    const againMs = await this.#keep(node)
    for (const task of due.tasks) {
      if (againMs === null) task()
      else this.soon(node, againMs, task)
    }
  }
}
