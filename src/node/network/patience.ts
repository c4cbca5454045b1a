/**
 * Patience with answers: the recent answer times of each node, and a timer for each answer (Dynamo, 4.5).
 *
 * A slow node is no failed one. The coordinator asks another node besides, and still counts the slow answer. A timer
 * that fires late judges no node before queued messages were heard, since this tab was the slow one.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import { patienceMs, withAnswer } from '../../core/quorum/patience.ts'
import type { Clock } from '../../ports.ts'
import { timedOut } from '../scheduling/timers.ts'

/** The wait of a coordinator for one answer. */
export interface Waiting {
  /** The rest of its caller's time, ms. */
  readonly timeoutMs: number
  /** Called when the answer takes long. */
  slow(): void
}

/** Runs `task` after a delay. A late timer first lets queued messages be heard. The returned function cancels it. */
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
  /** The last answer times of each node, ms. The node that answered last is last. */
  readonly #times = new Map<NodeId, readonly number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The time a node is waited for alone, ms, in a request that may take `timeoutMs`. */
  of(node: NodeId, timeoutMs: number): number {
    return patienceMs(this.#times.get(node) ?? [], timeoutMs)
  }

  /** Passes on the answer of a node, and calls `slow` if it takes long. */
  async watch<T>(node: NodeId, { timeoutMs, slow }: Waiting, answer: Promise<T>): Promise<T> {
    const askedAt = this.#clock.now()
    const cancel = judged(this.#clock, this.of(node, timeoutMs), slow)
    try {
      const given = await answer
      // A node that has not answered has no answer time.
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
