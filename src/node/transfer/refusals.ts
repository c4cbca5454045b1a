/**
 * Refusals: the reasons to send a peer no more for now (not in the paper).
 *
 * The peer's store has said that it is full, or it has refused several batches in a row. A single refused record says
 * nothing about the others.
 */
import { bounds } from '../../core/bounds.ts'
import { RequestFailure } from '../network/request-failure.ts'

export class Refusals {
  /** All batches that the peer has refused. */
  total = 0
  /** Batches refused in a row. */
  #count = 0
  #isFull = false

  /** The peer has not taken a batch. */
  refused(error: unknown): void {
    this.total += 1
    this.#count += 1
    if (error instanceof RequestFailure && error.code === 'storage-full') this.#isFull = true
  }

  /** The peer has taken a batch. */
  taken(): void {
    this.#count = 0
  }

  get areEnough(): boolean {
    return this.#isFull || this.#count >= bounds.refusalsMax
  }
}
