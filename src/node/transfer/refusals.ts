/**
 * When a peer is sent no more for now: its store has said that it is full, or has refused several batches on end. One
 * record that it will not take says nothing of the others.
 */
import { bounds } from '../../core/bounds.ts'
import { RequestFailure } from '../network/request-failure.ts'

export class Refusals {
  /** Batches refused. */
  total = 0
  /** On end. */
  #count = 0
  #isFull = false

  /** The peer did not take a batch. */
  refused(error: unknown): void {
    this.total += 1
    this.#count += 1
    if (error instanceof RequestFailure && error.code === 'storage-full') this.#isFull = true
  }

  /** It took one. */
  taken(): void {
    this.#count = 0
  }

  get areEnough(): boolean {
    return this.#isFull || this.#count >= bounds.refusalsMax
  }
}
