/**
 * Introductions in memory: one room for all peers (not in the paper).
 *
 * It serves tests of transports without a server.
 */
import type { PeerId } from '../core/ids.ts'
import type { Signaling, SignalingHandlers } from '../ports.ts'

export class MemoryRoom {
  readonly #present = new Map<PeerId, SignalingHandlers>()

  /** The way of one peer into the room. */
  signaling(): Signaling {
    let self: PeerId | undefined
    const others = () => [...this.#present].filter(([peer]) => peer !== self)
    return {
      join: (peer, handlers) => {
        self = peer
        queueMicrotask(() => {
          if (self !== peer) return
          this.#present.set(peer, handlers)
          handlers.state({ url: 'memory:', state: 'open' })
          handlers.joined(others().map(([other]) => other))
          for (const [, other] of others()) other.arrived(peer)
        })
      },
      send: (to, body) => {
        const from = self
        const receiver = this.#present.get(to)
        if (from === undefined || receiver === undefined || !this.#present.has(from)) return false
        queueMicrotask(() => receiver.message(from, body))
        return true
      },
      close: () => {
        if (self === undefined) return
        const gone = self
        self = undefined
        this.#present.delete(gone)
        for (const other of this.#present.values()) other.gone(gone)
      },
    }
  }
}
