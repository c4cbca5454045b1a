/**
 * Joined: the wait for the ring (not in the paper).
 *
 * The requests of a new tab wait for its first meeting, for a bounded time. An application may wait longer with
 * `joined`. That wait ends at once with an error if it is pointless.
 */
import { bounds } from '../../core/bounds.ts'
import type { PeerId } from '../../core/ids.ts'
import { TabringError } from '../../errors.ts'
import type { Clock, CloseReason, SignalingEvent, Transport } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import type { Peers } from '../network/peers.ts'
import type { Ownership } from '../ownership/ownership.ts'
import { deferred, timedOut, within } from '../scheduling/timers.ts'
import { type Here, membersOf } from './members.ts'
import type { Membership } from './membership.ts'

interface Waiter {
  readonly ready: () => boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Joined {
  readonly #clock: Clock
  readonly #events: Events
  readonly #waiters = new Set<Waiter>()
  #first: Promise<unknown> = Promise.resolve()
  /** The reason why waiting is pointless, as far as known. It is forgotten when a node is met after all. */
  #pointless: TabringError | undefined
  #isAlone = () => true
  /** Known signaling servers, with the state of the line to each. */
  readonly #servers = new Map<string, SignalingEvent['state']>()

  constructor(clock: Clock, events: Events) {
    this.#clock = clock
    this.#events = events
  }

  /**
   * Resolves, after a bounded wait, when the members that were here before are met and have sent their member lists.
   */
  get first(): Promise<unknown> {
    return this.#first
  }

  begin(transport: Transport, peers: Peers, membership: Membership): void {
    this.#isAlone = () => peers.connected.length === 0
    const meeting = async () => {
      await transport.met()
      await peers.greeted()
      await Promise.all(peers.connected.map((node) => membership.pushPull(node)))
    }
    this.#first = within(this.#clock, bounds.firstJoinTimeoutMs, meeting())
  }

  /** A node was met, so waiting makes sense. */
  met(): void {
    this.#pointless = undefined
  }

  /** A condition that a caller may wait for has changed. */
  review(): void {
    for (const waiter of this.#waiters) if (waiter.ready()) waiter.resolve()
  }

  /**
   * Resolves once `members` live nodes, this one included, are within reach and this node is in sync with its
   * partitions.
   */
  whole(node: Here & { readonly ownership: Ownership }, members: number, timeoutMs: number): Promise<void> {
    const reachable = () =>
      membersOf(node, 'open').filter(({ reachable, status }) => reachable && status === 'alive').length
    const syncing = () => node.ownership.syncing.length
    return this.#wait(
      () => reachable() >= members && syncing() === 0,
      timeoutMs,
      () =>
        `${reachable()} of ${members} nodes within reach, ${syncing()} partitions still to fetch${this.#whyAlone()}`,
    )
  }

  /** The state of the servers, as text, if no node has been met. */
  #whyAlone(): string {
    const states = [...this.#servers.values()]
    if (!this.#isAlone()) return ''
    if (states.includes('open')) return '; a signaling server let this tab in, and nobody was met there'
    return states.length === 0
      ? '; no signaling server is asked, only tabs of this browser'
      : `; no signaling server has let this tab in: ${[...this.#servers].map(([url, state]) => `${url} ${state}`).join(', ')}`
  }

  async #wait(ready: () => boolean, timeoutMs: number, missing: () => string): Promise<void> {
    if (ready()) return
    if (this.#pointless !== undefined) throw this.#pointless
    const { promise, resolve, reject } = deferred<void>()
    const waiter = { ready, resolve, reject }
    this.#waiters.add(waiter)
    try {
      const end = await within(this.#clock, timeoutMs, promise)
      if (end === timedOut) throw new TabringError('timeout', `not joined after ${timeoutMs} ms: ${missing()}`)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  connectionFailed(peer: PeerId, reason: CloseReason): void {
    const text =
      reason === 'no-route'
        ? 'this browser offers no address to be reached at: WebRTC gathered no candidates. Without a network route (or with one that is blocked) browsers give none, not even to another tab of the same machine.'
        : `no connection to peer ${peer}: ${reason}`
    const error = new TabringError(reason === 'no-route' ? 'unsupported' : 'timeout', text)
    this.#events.emit('connection', { peer, state: 'failed', error })
    if (reason === 'no-route') this.#giveUp(error)
  }

  refused(peer: PeerId, reason: string): void {
    const error = new TabringError('cluster-mismatch', `peer ${peer} cannot be in one ring with this node: ${reason}`)
    this.#events.emit('connection', { peer, state: 'refused', error })
    this.#giveUp(error)
  }

  signaling(event: SignalingEvent): void {
    this.#events.emit('signaling', event)
    this.#servers.set(event.url, event.state)
    if ([...this.#servers.values()].some((state) => state !== 'refused')) return
    this.#giveUp(
      new TabringError('signaling-refused', `${event.url} refused this node: ${event.reason ?? 'no reason given'}`),
    )
  }

  end(): void {
    for (const waiter of this.#waiters) waiter.reject(new TabringError('closed', 'the node was closed meanwhile'))
  }

  /** Gives up waiting, unless this node is connected: then it has a ring to join, in spite of one failed peer. */
  #giveUp(error: TabringError): void {
    if (!this.#isAlone()) return
    this.#pointless = error
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
