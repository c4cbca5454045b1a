/**
 * Who wants to hear what. A listener that throws harms nobody else: its error surfaces as an unhandled rejection.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeEvents } from './api.ts'

type Listener = (event: never) => void

export class Events {
  /** Loss is told to the first who listens, even if it was found before anybody could. */
  #untold: NodeEvents['data-loss'][] = []
  readonly #listeners = new Map<keyof NodeEvents, Set<Listener>>()

  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    // A wrapper of its own for each call, so that one function may listen twice.
    const entry: Listener = (value) => listener(value)
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(entry))
    if (event === 'data-loss') for (const loss of this.#untold.splice(0)) this.emit('data-loss', loss)
    return () => {
      listeners.delete(entry)
    }
  }

  /** Whether anybody listens. */
  has(event: keyof NodeEvents): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0
  }

  emit<E extends keyof NodeEvents>(event: E, value: NodeEvents[E]): void {
    const listeners = this.#listeners.get(event) ?? new Set()
    if (event === 'data-loss' && listeners.size === 0 && this.#untold.length < bounds.untoldEventsMax) {
      this.#untold.push(value as NodeEvents['data-loss'])
    }
    for (const listener of listeners) {
      Promise.resolve(value as never).then(listener)
    }
  }
}
