/**
 * Watches the answers a coordinator waits for: how long each node took of late, and whether one takes longer than that
 * by now.
 *
 * A slow node is no failed one: somebody else is asked besides, and its answer still counts when it comes. A timer that
 * fires late judges nobody before what is queued has been heard: then it is this tab that was slow.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import { patienceMs, withAnswer } from '../../core/quorum/patience.ts'
import type { Clock } from '../../ports.ts'
import { timedOut } from '../scheduling/timers.ts'

/** How a coordinator waits for one answer. */
export interface Waiting {
  /** So long, ms: the rest of its caller's time. */
  readonly timeoutMs: number
  /** Hears that the answer takes long. */
  slow(): void
}

/**
 * Runs `task` after a delay; where that comes late, once what is queued has been heard. The returned function calls it
 * off.
 */
export function judged(clock: Clock, delayMs: number, task: () => void): () => void {
  const due = clock.now() + delayMs
  let cancel = clock.after(delayMs, () => {
    if (clock.now() - due <= bounds.lateTimerMs) task()
    else cancel = clock.after(bounds.drainMs, task)
  })
  return () => cancel()
}

export class Patience {
  readonly #clock: Clock
  /** What the last answers of each node took, ms; the node that answered last stands last. */
  readonly #times = new Map<NodeId, readonly number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long a node is waited for alone, ms, in a request that may take `timeoutMs`. */
  of(node: NodeId, timeoutMs: number): number {
    return patienceMs(this.#times.get(node) ?? [], timeoutMs)
  }

  /** Gives the answer of a node on, and tells when it takes long. */
  async watch<T>(node: NodeId, { timeoutMs, slow }: Waiting, answer: Promise<T>): Promise<T> {
    const askedAt = this.#clock.now()
    const cancel = judged(this.#clock, this.of(node, timeoutMs), slow)
    try {
      const given = await answer
      // How long one takes that has not answered, nobody knows.
      if (given !== timedOut) this.#note(node, this.#clock.now() - askedAt)
      return given
    } finally {
      cancel()
    }
  }

  #note(node: NodeId, tookMs: number): void {
    const times = withAnswer(this.#times.get(node) ?? [], tookMs)
    this.#times.delete(node)
    this.#times.set(node, times)
    const [oldest] = this.#times.keys()
    if (this.#times.size > bounds.answerTimesNodesMax && oldest !== undefined) this.#times.delete(oldest)
  }
}
