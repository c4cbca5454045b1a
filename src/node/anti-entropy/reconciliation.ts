/**
 * Reconciliations with other nodes: those this node asks for, and those it answers (see
 * `core/merkle/reconciliation.ts`).
 */
import { bounds } from '../../core/bounds.ts'
import type { ActorId, NodeId, Partition } from '../../core/ids.ts'
import { Answering } from '../../core/merkle/answering.ts'
import { Asking } from '../../core/merkle/asking.ts'
import type { Forest, ForestView } from '../../core/merkle/forest.ts'
import { type Differences, windows } from '../../core/merkle/reconciliation.ts'
import type { Reply, Request } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import { RequestFailure } from '../network/request-failure.ts'
import type { Routing } from '../ownership/routing.ts'
import { inTimeSlices } from '../scheduling/time-slices.ts'
import type { Replica } from '../storage/replica.ts'

/** What differs, and how many bytes it took to find out. */
export interface Found extends Differences {
  readonly bytes: number
  /** The last session, by which it was found out. */
  readonly session: number
}

/** Of a boot's 16 digits, so many begin its sessions: that leaves room to count. */
const sessionHexDigits = 12

/**
 * Sessions that a boot begins at most. Those of two boots are farther apart than that, but for once in 100 million
 * times.
 */
const sessionsMax = 2 ** 20

/** Whether a session is one that its node had begun before another. */
export function isEarlier(session: number, other: number): boolean {
  return session < other && other - session < sessionsMax
}

/** A reconciliation that another node has begun. */
interface Session {
  readonly id: number
  readonly answering: Answering
  readonly forget: () => void
}

export class Reconciliations {
  readonly #clock: Clock
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #replica: Replica
  /** One for each node: whoever asks anew has given up what it asked before. */
  readonly #sessions = new Map<NodeId, Session>()
  /** Nodes this one was in step with when it last asked: nothing may have changed, so a probe comes first. */
  readonly #inStep = new Set<NodeId>()
  #lastSession: number

  /**
   * `boot` is of this boot alone: sessions of an earlier one may still be known to others, and must not be taken for
   * ours.
   */
  constructor(clock: Clock, peers: Peers, routing: Routing, replica: Replica, boot: ActorId) {
    this.#clock = clock
    this.#peers = peers
    this.#routing = routing
    this.#replica = replica
    this.#lastSession = Number.parseInt(boot.slice(0, sessionHexDigits), 16)
  }

  /** The tries of some partitions, hashed a slice of time at a time. */
  async viewOf(forest: Forest, partitions: readonly Partition[]): Promise<ForestView> {
    await inTimeSlices(this.#clock, forest.hashing(partitions))
    return forest.view(partitions)
  }

  /**
   * What differs between a view of this node and the other, proved. `scope`: the partitions of the view; null where
   * both know which ones are due (`Routing.sharedPartitions`). `tooMuch`: how many items one of them has, where less is to be
   * compared at a time. Rejects when it cannot be found out.
   */
  async differences(
    node: NodeId,
    view: ForestView,
    scope: readonly Partition[] | null,
  ): Promise<Found | { readonly tooMuch: number }> {
    const tally = { bytes: 0, session: 0 }
    const wasInStep = this.#inStep.delete(node)
    const probe = new Asking(view, 0)
    if (wasInStep) await this.#talk(node, probe, probe.begin('probe'), scope, tally)
    if (probe.isEqual) {
      this.#inStep.add(node)
      return { ours: [], theirs: [], ...tally }
    }
    for (let window = 0; window < windows; window += 1) {
      const asking = new Asking(view, window, bounds.reconcileItemsMax)
      // If the proof failed, the other may own something else in its own view: then the partitions are named.
      const isOver = await this.#talk(node, asking, asking.begin(), window === 0 ? scope : view.partitions, tally)
      if (asking.tooMuch !== null) return { tooMuch: asking.tooMuch }
      const found = isOver ? await inTimeSlices(this.#clock, asking.differences()) : null
      if (found === null) continue
      this.#inStep.add(node)
      return { ...found, ...tally }
    }
    throw new RequestFailure('refused')
  }

  /** One session, from its first message on. Whether it came to its end. */
  async #talk(
    node: NodeId,
    asking: Asking,
    first: Uint8Array,
    scope: readonly Partition[] | null,
    tally: { bytes: number; session: number },
  ): Promise<boolean> {
    this.#lastSession += 1
    const session = this.#lastSession
    tally.session = session
    let body: Uint8Array | 'over' | null = first
    while (body instanceof Uint8Array) {
      const request: Request = { type: 'reconcile', session, scope, body }
      const reply = await this.#peers.request(node, request, 'bulk', bounds.operationTimeoutMs)
      if (reply.type !== 'reconciled') throw new RequestFailure('refused')
      tally.bytes += body.length + reply.body.length
      body = asking.next(reply.body)
    }
    return body === 'over'
  }

  /** A node was out of reach: likely something was written meanwhile, so that no probe comes first. */
  parted(node: NodeId): void {
    this.#inStep.delete(node)
  }

  /** Forgets what a node has asked for: it is to be read anew. */
  forget(node: NodeId): void {
    this.#sessions.get(node)?.forget()
    this.#sessions.delete(node)
  }

  /** Forgets every session: the node has ended. */
  end(): void {
    for (const { forget } of this.#sessions.values()) forget()
    this.#sessions.clear()
  }

  /** Answers one step. */
  async answer(from: NodeId, { session, scope, body }: Extract<Request, { type: 'reconcile' }>): Promise<Reply> {
    const forest = await this.#replica.forest()
    const partitions = scope ?? this.#routing.sharedPartitions(from, this.#routing.self)
    if (this.#sessions.get(from)?.id !== session) await inTimeSlices(this.#clock, forest.hashing(partitions))
    const known = this.#sessions.get(from)
    known?.forget()
    const answering =
      known?.id === session ? known.answering : new Answering(forest.view(partitions), bounds.reconcileItemsMax)
    const reply = answering.answer(body)
    if (reply === null) this.#sessions.delete(from)
    else {
      const forget = this.#clock.after(bounds.reconcileIdleMs, () => this.#sessions.delete(from))
      this.#sessions.set(from, { id: session, answering, forget })
    }
    return { type: 'reconciled', body: reply ?? new Uint8Array(0) }
  }
}

/** Some partitions at a time, so that each time few enough of so many items are compared. */
export function slicesOf(partitions: readonly Partition[], items: number): readonly (readonly Partition[])[] {
  // Half of what would fit, since partitions differ; and always less than before.
  const count = Math.max(2, Math.ceil((2 * items) / bounds.reconcileItemsMax))
  const size = Math.max(1, Math.min(Math.ceil(partitions.length / count), partitions.length - 1))
  return Array.from({ length: Math.ceil(partitions.length / size) }, (_, index) =>
    partitions.slice(index * size, (index + 1) * size),
  )
}
