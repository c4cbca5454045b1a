/**
 * Relay: passes on messages between two nodes that have no channel to each other (not in the paper).
 *
 * A message goes one hop. This node holds a bounded number of bytes for others at a time.
 */
import { bounds } from '../../core/bounds.ts'

export class Relay {
  #bytes = 0

  /** Passes `bytes` on with `onward`, or refuses them. `onward` is null if there is no channel to the receiver. */
  async pass(bytes: number, onward: (() => Promise<void>) | null, refuse: () => void): Promise<void> {
    if (onward === null || this.#bytes + bytes > bounds.relayBytesMax) {
      refuse()
      return
    }
    this.#bytes += bytes
    try {
      await onward()
    } catch {
      refuse()
    } finally {
      this.#bytes -= bytes
    }
  }
}
