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
}

export class Appointments {
  readonly #clock: Clock
  readonly #keep: (node: NodeId) => Promise<number | null>
  /** By node: the appointment. */
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

  /** Makes an appointment with a node. A burst of reasons makes one, at the earliest time asked for. */
  soon(node: NodeId, delayMs: number): void {
    const atMs = this.#clock.now() + delayMs
    const due = this.#due.get(node)
    if (due !== undefined && due.atMs <= atMs) return
    due?.cancel()
    const cancel = this.#clock.after(delayMs, () => void this.#meetings.queue(node, () => this.#meet(node)))
    this.#due.set(node, { atMs, cancel })
  }

  /** Reasons that come up while a meeting goes on make one more after it. */
  async #meet(node: NodeId): Promise<void> {
    if (!this.#due.delete(node)) return
    const againMs = await this.#keep(node)
    if (againMs !== null) this.soon(node, againMs)
  }
}
