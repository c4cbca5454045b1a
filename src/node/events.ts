/**
 * Who wants to hear what. A listener that throws harms nobody else: its error surfaces as an unhandled rejection.
 */
import type { NodeEvents } from './api.ts'

type Listener = (event: never) => void

export class Events {
  readonly #listeners = new Map<keyof NodeEvents, Set<Listener>>()

  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    // A wrapper of its own for each call, so that one function may listen twice.
    const entry: Listener = (value) => listener(value)
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(entry))
    return () => {
      listeners.delete(entry)
    }
  }

  emit<E extends keyof NodeEvents>(event: E, value: NodeEvents[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      Promise.resolve(value as never).then(listener)
    }
  }
}
