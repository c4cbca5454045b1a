/**
 * Reconciliations with other nodes, asked and answered (Dynamo, section 4.7; see `core/merkle/reconciliation.ts`).
 *
 * This node asks in numbered sessions, one at a time for each node. It answers one session of each other node, and
 * forgets it when it has been idle for long.
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
import type { Transfer } from './exchange-log.ts'

/** The differences, and the bytes it took to find them. */
export interface Found extends Differences {
  readonly bytes: number
  /** The session that found them, the last one. */
  readonly session: number
}

/** The comparison of one exchange: its bytes so far, and its last session. */
interface Tally {
  readonly transfer: Pick<Transfer, 'descended'>
  bytes: number
  session: number
}

/** Digits of a boot's 16 that make the number of its first session. Fewer than all leave room to count. */
const sessionHexDigits = 12

/** Sessions of one boot, at most. The sessions of two boots lie farther apart, except once in 100 million times. */
const sessionsMax = 2 ** 20

/** True if a node began `session` before `other`, in one boot. */
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
  /** By node: its session. A node that begins a new one has given up the former. */
  readonly #sessions = new Map<NodeId, Session>()
  /** Nodes that were in step when this one last asked. There may be no change since, so a probe comes first. */
  readonly #inStep = new Set<NodeId>()
  #lastSession: number

  /**
   * `boot` belongs to this boot alone. Other nodes may still know sessions of an earlier one, and must not confuse them
   * with ours.
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
   * Finds the differences between a view of this node and another node, with proof. Rejects if it cannot.
   *
   * - `scope`: the partitions of the view, or null if both nodes know which are due (`Routing.sharedPartitions`).
   * - `tooMuch`: the number of items that one of them has, if fewer have to be compared at a time.
   */
  async differences(
    node: NodeId,
    view: ForestView,
    scope: readonly Partition[] | null,
    transfer: Pick<Transfer, 'descended'>,
  ): Promise<Found | { readonly tooMuch: number }> {
    const tally: Tally = { transfer, bytes: 0, session: 0 }
    const wasInStep = this.#inStep.delete(node)
    const probe = new Asking(view, 0)
    if (wasInStep) await this.#talk(node, probe, probe.begin('probe'), scope, tally)
    if (probe.isEqual) {
      this.#inStep.add(node)
      return { ours: [], theirs: [], bytes: tally.bytes, session: tally.session }
    }
    for (let window = 0; window < windows; window += 1) {
      const asking = new Asking(view, window, bounds.reconcileItemsMax)
      // If the proof failed, the other node may own other partitions in its view. So the partitions are named.
      const isOver = await this.#talk(node, asking, asking.begin(), window === 0 ? scope : view.partitions, tally)
      if (asking.tooMuch !== null) return { tooMuch: asking.tooMuch }
      const found = isOver ? await inTimeSlices(this.#clock, asking.differences()) : null
      if (found === null) continue
      this.#inStep.add(node)
      return { ...found, bytes: tally.bytes, session: tally.session }
    }
    throw new RequestFailure('refused')
  }

  /** Runs one session from its first message on. Resolves to true if it came to its end. */
  async #talk(
    node: NodeId,
    asking: Asking,
    first: Uint8Array,
    scope: readonly Partition[] | null,
    tally: Tally,
  ): Promise<boolean> {
    this.#lastSession += 1
    const session = this.#lastSession
    tally.session = session
    let body: Uint8Array | 'over' | null = first
    for (let level = 1; body instanceof Uint8Array; level += 1) {
      tally.transfer.descended(level, asking.isFetching ? 'keys' : 'prefixes', asking.asked)
      const request: Request = { type: 'reconcile', session, scope, body }
      const reply = await this.#peers.request(node, request, 'bulk', bounds.operationTimeoutMs)
      if (reply.type !== 'reconciled') throw new RequestFailure('refused')
      tally.bytes += body.length + reply.body.length
      body = asking.next(reply.body)
    }
    return body === 'over'
  }

  /** A node was out of reach. Writes are likely since then, so the next session begins without a probe. */
  parted(node: NodeId): void {
    this.#inStep.delete(node)
  }

  /** Forgets the session of a node, so that its partitions are read anew. */
  forget(node: NodeId): void {
    this.#sessions.get(node)?.forget()
    this.#sessions.delete(node)
  }

  /** Forgets every session: this node has ended. */
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

/** Slices of the partitions, each small enough to be compared if all have `items` together. */
export function slicesOf(partitions: readonly Partition[], items: number): readonly (readonly Partition[])[] {
  // Half of a full comparison each, since partitions differ in size. And always fewer than all of them.
  const count = Math.max(2, Math.ceil((2 * items) / bounds.reconcileItemsMax))
  const size = Math.max(1, Math.min(Math.ceil(partitions.length / count), partitions.length - 1))
  return Array.from({ length: Math.ceil(partitions.length / size) }, (_, index) =>
    partitions.slice(index * size, (index + 1) * size),
  )
}
