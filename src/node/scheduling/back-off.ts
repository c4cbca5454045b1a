/**
 * When to try again what has failed with a peer: later each time, up to minutes, so that an idle ring falls silent
 * whatever is broken.
 *
 * Failures are counted for each peer and each reason by itself. Each doubles the pause, which varies by a quarter, so
 * that peers that failed together do not try together again. A success begins anew; so does word of the peer that its
 * trouble is over.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'

export interface Pauses {
  readonly firstMs: number
  readonly lastMs: number
}

interface Failed {
  /** The pause that comes next, without its jitter. */
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

  /** Something has failed with a peer; returns after how long to try it again, ms. */
  failed(peer: NodeId, reason: Reason): number {
    const reasons = this.#failed.get(peer) ?? new Map<Reason, Failed>()
    const pauseMs = reasons.get(reason)?.nextMs ?? this.#pauses.firstMs
    const waitMs = pauseMs * (0.75 + this.#chance() / 2)
    const nextMs = Math.min(2 * pauseMs, this.#pauses.lastMs)
    this.#failed.set(peer, reasons.set(reason, { nextMs, dueAt: this.#clock.now() + waitMs }))
    return waitMs
  }

  /** What failed for that reason works; without one, whatever failed may be tried again at once. */
  reset(peer: NodeId, reason?: Reason): void {
    const reasons = this.#failed.get(peer)
    if (reason !== undefined) reasons?.delete(reason)
    if (reason === undefined || reasons?.size === 0) this.#failed.delete(peer)
  }

  /** Whatever failed with anybody may be tried again at once. */
  resetAll(): void {
    this.#failed.clear()
  }

  /** Forgets peers that are none any more. */
  keep(isPeer: (node: NodeId) => boolean): void {
    for (const peer of this.#failed.keys()) if (!isPeer(peer)) this.#failed.delete(peer)
  }

  hasFailed(peer: NodeId, reason: Reason): boolean {
    return this.#failed.get(peer)?.has(reason) ?? false
  }

  /** Whether it is too early to try something again with a peer, whatever it failed for. */
  waits(peer: NodeId): boolean {
    const now = this.#clock.now()
    return [...(this.#failed.get(peer)?.values() ?? [])].some(({ dueAt }) => now < dueAt)
  }
}
