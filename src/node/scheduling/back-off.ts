/**
 * Back-off: growing pauses before failed work with a peer is repeated (not in the paper).
 *
 * Failures are counted per peer and reason. Each one doubles the pause, up to minutes, so an idle ring falls silent
 * even if something stays broken. The pause varies by a quarter, so that peers that failed together do not retry
 * together. A success starts anew, and so does news that the peer's trouble is over.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

export interface Pauses {
  readonly firstMs: number
  readonly lastMs: number
}

interface Failed {
  /** The next pause, without its jitter. */
  readonly nextMs: number
  readonly dueAt: number
}

export class BackOff<Reason extends string> {
  readonly #clock: Pick<Clock, 'now'>
  readonly #chance: () => number
  readonly #pauses: Pauses
  readonly #failed = new Map<NodeId, Map<Reason, Failed>>()

  constructor(clock: Pick<Clock, 'now'>, chance: () => number, pauses: Pauses) {
    this.#clock = clock
    this.#chance = chance
    this.#pauses = pauses
  }

  /** Notes a failure with a peer. Returns the pause before the next attempt, ms. */
  failed(peer: NodeId, reason: Reason): number {
    const reasons = this.#failed.get(peer) ?? new Map<Reason, Failed>()
    const pauseMs = reasons.get(reason)?.nextMs ?? this.#pauses.firstMs
    const waitMs = pauseMs * (0.75 + this.#chance() / 2)
    const nextMs = Math.min(2 * pauseMs, this.#pauses.lastMs)
    this.#failed.set(peer, reasons.set(reason, { nextMs, dueAt: this.#clock.now() + waitMs }))
    return waitMs
  }

  /** Work for that reason succeeds again. Without a reason, all work with the peer may be repeated at once. */
  reset(peer: NodeId, reason?: Reason): void {
    const reasons = this.#failed.get(peer)
    if (reason !== undefined) reasons?.delete(reason)
    if (reason === undefined || reasons?.size === 0) this.#failed.delete(peer)
  }

  /** All work with all peers may be repeated at once. */
  resetAll(): void {
    this.#failed.clear()
  }

  /** Forgets nodes that are no peers any more. */
  keep(isPeer: (node: NodeId) => boolean): void {
    for (const peer of this.#failed.keys()) if (!isPeer(peer)) this.#failed.delete(peer)
  }

  hasFailed(peer: NodeId, reason: Reason): boolean {
    return this.#failed.get(peer)?.has(reason) ?? false
  }

  /** True while a pause with the peer lasts, for any reason. */
  waits(peer: NodeId): boolean {
    const now = this.#clock.now()
    return [...(this.#failed.get(peer)?.values() ?? [])].some(({ dueAt }) => now < dueAt)
  }
}
