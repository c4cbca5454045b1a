/**
 * Members under suspicion: since when, by which accusers, and the timer that counts (Lifeguard, section 4.2).
 *
 * Each independent accuser shortens the time that a suspect has to refute.
 */
import type { NodeId } from '../ids.ts'
import { confirmationsWanted, suspicionMs, type Timing } from './timing.ts'

interface Suspicion {
  readonly startedAt: number
  readonly accusers: Set<NodeId>
  /** The timer that counts. An earlier one expires harmlessly. */
  stamp: number
}

export class Suspicions {
  readonly #timing: Timing & { readonly suspicionMaxFactor: number }
  readonly #suspicions = new Map<NodeId, Suspicion>()
  #stamp = 0

  constructor(timing: Timing & { readonly suspicionMaxFactor: number }) {
    this.#timing = timing
  }

  begin(node: NodeId, by: NodeId, now: number): void {
    this.#suspicions.set(node, { startedAt: now, accusers: new Set([by]), stamp: 0 })
  }

  /** The longest suspicion, as a list of one member or none. */
  get oldest(): readonly NodeId[] {
    const [first] = this.#suspicions.keys()
    return first === undefined ? [] : [first]
  }

  end(node: NodeId): void {
    this.#suspicions.delete(node)
  }

  /** Adds an accuser. True if that shortens the suspicion. */
  confirm(node: NodeId, by: NodeId, members: number): boolean {
    const accusers = this.#suspicions.get(node)?.accusers
    if (accusers === undefined || accusers.has(by) || accusers.size > confirmationsWanted(members)) return false
    accusers.add(by)
    return true
  }

  /** The time left to refute, ms, and the stamp of the timer that is to end the suspicion. */
  next(node: NodeId, members: number, now: number): { readonly leftMs: number; readonly stamp: number } {
    this.#stamp += 1
    const suspicion = this.#suspicions.get(node)
    if (suspicion === undefined) return { leftMs: 0, stamp: this.#stamp }
    suspicion.stamp = this.#stamp
    const { suspicionMaxFactor } = this.#timing
    const wholeMs = suspicionMs(this.#timing, members, suspicion.accusers.size - 1, suspicionMaxFactor)
    return { leftMs: Math.max(0, suspicion.startedAt + wholeMs - now), stamp: this.#stamp }
  }

  isCurrent(node: NodeId, stamp: number): boolean {
    return this.#suspicions.get(node)?.stamp === stamp
  }
}
