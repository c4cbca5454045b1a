/**
 * Exchange log: the sums of all exchanges since the node opened, and the last one with each peer (not in the paper).
 *
 * `status()` shows them to an application. Events and the trace tell each step.
 */
import type { NodeId, Partition } from '../../core/ids.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { ExchangeStatus, Status } from '../api/tabring-node.ts'
import type { Trace, TraceExchangeReason, TraceFailure } from '../api/trace.ts'

/** The differences that a comparison found, and the bytes it took. */
interface Compared {
  readonly ours: readonly unknown[]
  readonly theirs: readonly unknown[]
  readonly bytes: number
}

/** One exchange under way. */
export class Transfer {
  readonly #events: Events
  readonly #trace: Trace
  readonly #id: number
  readonly #peer: NodeId
  readonly #startedAt: number
  keys = 0
  bytes = 0
  isCompleted = false
  /** Why it has ended before both nodes are in step. */
  failure: TraceFailure = 'failed'
  #total = 0

  constructor(events: Events, trace: Trace, peer: NodeId, startedAt: number) {
    this.#events = events
    this.#trace = trace
    this.#id = trace.nextId()
    this.#peer = peer
    this.#startedAt = startedAt
  }

  begun(why: TraceExchangeReason, partitions: number): void {
    this.#trace.tell?.({ ...this.#told, step: 'begun', why, partitions })
  }

  /** A reconciliation asks its next question, about so many prefixes or keys. */
  descended(level: number, of: 'prefixes' | 'keys', count: number): void {
    this.#trace.tell?.({ ...this.#told, step: 'descended', level, of, count })
  }

  /** The comparison is over. It took `bytes`, and `records` are to move. */
  compared({ ours, theirs, bytes }: Compared, records: number): void {
    this.#trace.tell?.({ ...this.#told, step: 'compared', ours: ours.length, theirs: theirs.length, bytes })
    this.#total += records
    this.bytes += bytes
    if (records > 0) this.#tell()
  }

  /** Some records have moved. */
  moved(way: 'given' | 'taken', keys: number, bytes: number): void {
    if (keys === 0) return
    this.#trace.tell?.({ ...this.#told, step: 'moved', way, records: keys, bytes })
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
    const ms = clock.now() - this.#startedAt
    const outcome = this.isCompleted ? 'in step' : this.failure
    this.#trace.tell?.({ ...this.#told, step: 'ended', outcome, records: keys, bytes, ms })
    return { id: this.#peer, endedAt: clock.wall(), ms, keys, bytes }
  }

  get #told() {
    return { type: 'exchange', id: this.#id, node: this.#peer } as const
  }
}

export class ExchangeLog {
  readonly #clock: Clock
  readonly #events: Events
  readonly #trace: Trace
  readonly #last = new Map<NodeId, ExchangeStatus>()
  #keys = 0
  #bytes = 0
  #scrubbed = 0

  constructor(clock: Clock, events: Events, trace: Trace) {
    this.#clock = clock
    this.#events = events
    this.#trace = trace
  }

  /** An exchange of so many partitions begins. */
  begin(peer: NodeId, why: TraceExchangeReason, partitions: number): Transfer {
    const transfer = new Transfer(this.#events, this.#trace, peer, this.#clock.now())
    transfer.begun(why, partitions)
    return transfer
  }

  /** An exchange has ended, well or not. */
  end(peer: NodeId, transfer: Transfer): void {
    if (!transfer.isCompleted) this.#events.trouble.exchanges += 1
    this.#keys += transfer.keys
    this.#bytes += transfer.bytes
    this.#last.set(peer, transfer.ended(this.#clock))
  }

  /** A partition was scrubbed, and so many of its keys differed. */
  scrubbed(partition: Partition, keys: number): void {
    this.#trace.tell?.({ type: 'storage', step: 'scrub', partition, keys })
    this.#scrubbed += keys
  }

  /** The state for `status()`. Peers that are no members any more are left out, and forgotten. */
  status(isMember: (node: NodeId) => boolean): Status['repair'] {
    for (const peer of this.#last.keys()) if (!isMember(peer)) this.#last.delete(peer)
    return { keys: this.#keys, bytes: this.#bytes, scrubbed: this.#scrubbed, peers: [...this.#last.values()] }
  }
}
