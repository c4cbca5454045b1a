/**
 * Exchange log: the sums of all exchanges since the node opened, and the last one with each peer (not in the paper).
 *
 * `status()` shows them to an application, and events tell each step.
 */
import type { NodeId } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { ExchangeStatus, Status } from '../api/tabring-node.ts'

/** One exchange under way. */
export class Transfer {
  readonly #events: Events
  readonly #peer: NodeId
  readonly #startedAt: number
  keys = 0
  bytes = 0
  isCompleted = false
  #total = 0

  constructor(events: Events, peer: NodeId, startedAt: number) {
    this.#events = events
    this.#peer = peer
    this.#startedAt = startedAt
  }

  /** The comparison is over. It took `bytes`, and `records` are to move. */
  compared(records: number, bytes: number): void {
    this.#total += records
    this.bytes += bytes
    if (records > 0) this.#tell()
  }

  /** Some records have moved. */
  moved(keys: number, bytes: number): void {
    if (keys === 0) return
    this.keys += keys
    this.bytes += bytes
    this.#events.emit('repair', { peer: this.#peer, keys, bytes, reason: 'exchange' })
    this.#tell()
  }

  /** Both nodes are in step. Records that did not move had come another way. */
  completed(): void {
    this.isCompleted = true
    if (this.keys < this.#total) this.#tell(this.#total)
  }

  #tell(moved = this.keys): void {
    this.#events.emit('exchange', { peer: this.#peer, moved, total: Math.max(this.#total, moved) })
  }

  ended(clock: Clock): ExchangeStatus {
    const { keys, bytes } = this
    return { id: this.#peer, endedAt: clock.wall(), ms: clock.now() - this.#startedAt, keys, bytes }
  }
}

export class ExchangeLog {
  readonly #clock: Clock
  readonly #events: Events
  readonly #last = new Map<NodeId, ExchangeStatus>()
  #keys = 0
  #bytes = 0
  #scrubbed = 0

  constructor(clock: Clock, events: Events) {
    this.#clock = clock
    this.#events = events
  }

  begin(peer: NodeId): Transfer {
    return new Transfer(this.#events, peer, this.#clock.now())
  }

  /** An exchange has ended, well or not. */
  end(peer: NodeId, transfer: Transfer): void {
    if (!transfer.isCompleted) this.#events.trouble.exchanges += 1
    this.#keys += transfer.keys
    this.#bytes += transfer.bytes
    this.#last.set(peer, transfer.ended(this.#clock))
  }

  scrubbed(keys: number): void {
    this.#scrubbed += keys
  }

  /** The state for `status()`. Peers that are no members any more are left out, and forgotten. */
  status(isMember: (node: NodeId) => boolean): Status['repair'] {
    for (const peer of this.#last.keys()) if (!isMember(peer)) this.#last.delete(peer)
    return { keys: this.#keys, bytes: this.#bytes, scrubbed: this.#scrubbed, peers: [...this.#last.values()] }
  }
}
