/**
 * Relay: passes on what one node has for another that it has no channel to. One hop, and no more bytes at once than
 * this node may hold for others.
 */
import { bounds } from '../../core/bounds.ts'

export class Relay {
  #bytes = 0

  /** Passes so many bytes on with `onward`, or refuses them: null where there is no channel to pass them on over. */
  async pass(bytes: number, onward: (() => Promise<void>) | null, refuse: () => void): Promise<void> {
    if (onward === null || this.#bytes + bytes > bounds.relayBytesMax) {
      refuse()
      return
    }
    this.#bytes += bytes
    await onward().catch(refuse)
    this.#bytes -= bytes
  }
}
