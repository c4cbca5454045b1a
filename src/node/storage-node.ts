/**
 * One storage node: coordinates requests over its parts, which `assembly.ts` builds, and offers them as the public
 * interface (Dynamo, section 5: request coordination, membership, and a local store, on every node alike).
 */

import { partitionOf } from '../core/hash.ts'
import type { DeviceId, NodeId, StoredKey } from '../core/ids.ts'
import type { place } from '../core/partitioning/placement.ts'
import { type Extent, meets, shortfall } from '../core/quorum/demand.ts'
import { isBlank } from '../core/versioning/causal-history.ts'
import { afterWrite, contextOf, delta, type SeenContext } from '../core/versioning/context.ts'
import { liveValues, type Unwritten } from '../core/versioning/record.ts'
import type { Reply, Request } from '../core/wire/messages.ts'
import { encodeContext } from '../core/wire/record-codec.ts'
import { TabringError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import type { Exchange } from './anti-entropy/exchange.ts'
import type { ExchangeSchedule } from './anti-entropy/exchange-schedule.ts'
import type { Reconciling } from './anti-entropy/reconciliation.ts'
import { repairAll } from './anti-entropy/scrub.ts'
import { type Checked, checkContext, checkDelete, checkGet, checkJoined, checkKey, checkPut } from './api/arguments.ts'
import type { CheckedConfig } from './api/config.ts'
import type { Events } from './api/events.ts'
import { Operations } from './api/operations.ts'
import type {
  Context,
  DeleteOptions,
  GetOptions,
  GetResult,
  Inspection,
  JoinOptions,
  KeyPlacement,
  Member,
  NodeEvents,
  PutOptions,
  PutResult,
  RepairResult,
  Status,
  TabringNode,
} from './api/tabring-node.ts'
import { Assembly } from './assembly.ts'
import type { Coordination } from './coordination/coordinator.ts'
import { judge, putFailed } from './coordination/outcomes.ts'
import { read } from './coordination/read.ts'
import type { Crowding } from './coordination/sibling-cap.ts'
import { type WriteOutcome, write } from './coordination/write.ts'
import type { Forgetting } from './forgetting/forgetting.ts'
import { absencesRow } from './forgetting/forgetting.ts'
import { stillAbsent } from './handoff/adoption.ts'
import type { HintedHandoff } from './handoff/hinted-handoff.ts'
import { handAllOver } from './handoff/leaving.ts'
import { beginBoot, forgetIdentity, rememberMembers, type Self } from './membership/boot.ts'
import type { Joining } from './membership/joined.ts'
import { membersOf } from './membership/members.ts'
import type { Membership } from './membership/membership.ts'
import type { Waiting } from './network/patience.ts'
import type { Peers } from './network/peers.ts'
import { RequestFailure } from './network/request-failure.ts'
import type { Ownership } from './ownership/ownership.ts'
import { ownershipRow } from './ownership/ownership.ts'
import type { Progress } from './ownership/progress.ts'
import { formerForgettingRow, progressRow } from './ownership/progress.ts'
import type { Routing } from './ownership/routing.ts'
import type { Present } from './reactions.ts'
import { serve } from './request-handler.ts'
import { inspectionOf, statusOf } from './status.ts'
import type { Replica } from './storage/replica.ts'
import type { Pace } from './transfer/throttle.ts'

export class StorageNode implements TabringNode, Coordination, Present {
  readonly id: NodeId
  readonly clock: Ports['clock']
  readonly routing: Routing
  readonly peers: Peers
  readonly replica: Replica
  readonly ownership: Ownership
  readonly membership: Membership
  readonly reconciling: Reconciling
  readonly exchange: Exchange
  readonly schedule: ExchangeSchedule
  readonly forgetting: Forgetting
  readonly progress: Progress
  readonly handoff: HintedHandoff
  readonly pace: Pace
  readonly crowding: Crowding
  readonly joining: Joining
  readonly events: Events
  readonly #ports: Ports
  readonly #config: CheckedConfig
  readonly #device: DeviceId
  readonly #parts: Assembly
  readonly #operations = new Operations()
  #stops: readonly (() => void)[] = []
  #state: Status['state'] = 'open'
  #isClosing = false

  private constructor(
    ports: Ports,
    config: CheckedConfig,
    self: Self,
    saved: readonly (Uint8Array | undefined)[],
    placing: typeof place | undefined,
  ) {
    this.#ports = ports
    this.#config = config
    this.#device = self.own.device
    this.id = self.own.node
    this.clock = ports.clock
    const { demand } = checkPut({}, config)
    const parts = new Assembly(ports, config, self, saved, placing, this, (key, seen, unwritten) =>
      this.#send(key, seen, unwritten, demand, config.timeoutMs),
    )
    this.#parts = parts
    this.events = parts.events
    this.routing = parts.routing
    this.peers = parts.peers
    this.replica = parts.replica
    this.ownership = parts.ownership
    this.membership = parts.membership
    this.reconciling = parts.reconciling
    this.exchange = parts.exchange
    this.schedule = parts.schedule
    this.forgetting = parts.forgetting
    this.progress = parts.progress
    this.handoff = parts.handoff
    this.pace = parts.pace
    this.crowding = parts.crowding
    this.joining = parts.joining
    this.#stops = parts.start()
  }

  /**
   * Opens a node on these ports. `device` is its failure domain. `placing` may remember placements that nodes of one
   * process share. `adopter`: the one that has it hand everything over. Rejects with a `StoreFailure` where the store
   * fails.
   */
  static async open(
    ports: Ports,
    config: CheckedConfig,
    device: DeviceId,
    placing?: typeof place,
    adopter: StorageNode | null = null,
  ): Promise<StorageNode> {
    const self = await beginBoot(ports.store, ports.random, ports.transport.self, device, config.capacity)
    const saved = await ports.store.read([ownershipRow, absencesRow, progressRow, formerForgettingRow])
    const node = new StorageNode(ports, config, stillAbsent(self, adopter), saved, placing)
    node.#isClosing = adopter !== null
    try {
      await node.replica.forest()
    } catch (error) {
      node.#end('closed')
      throw error
    }
    node.#parts.presence.open()
    node.joining.begin(ports.transport, node.peers, node.membership)
    return node
  }

  // Requests

  async get<T = unknown>(key: string, options: GetOptions = {}): Promise<GetResult<T>> {
    this.#assertOpen()
    this.#parts.presence.look()
    const stored = checkKey(key)
    this.pace.request()
    const { demand, timeoutMs } = checkGet(options, this.#config)
    const atLeast = checkContext(stored, options.atLeast ?? null)
    return this.#operations.run(options.signal, 'nothing', async () => {
      await this.joining.first
      const { record, horizon, extent, quorum } = await read(this, stored, { demand, atLeast, timeoutMs })
      const values = liveValues(record, this.clock.wall()).flatMap((bytes) => {
        const value = this.#parts.values.decode(bytes)
        return value === undefined ? [] : [value as T]
      })
      if (values.length > 1) this.events.emit('conflict', { key, siblings: values.length })
      const short = shortfall(extent, demand)
      judge(
        quorum,
        options,
        short === '' ? 'nobody in reach has seen what `atLeast` names' : `answered by ${short} that were asked for`,
      )
      const isUnwritten = isBlank(record.history) && record.siblings.length === 0 && horizon === 0
      const context = isUnwritten ? null : (encodeContext(stored, contextOf(record, horizon)) as Context)
      return { values, context, replies: extent.nodes, quorum }
    })
  }

  async put(key: string, context: Context | null, value: unknown, options: PutOptions = {}): Promise<PutResult> {
    this.#assertOpen()
    const { expiresAt, ...checked } = checkPut(options, this.#config)
    const unwritten = { kind: 'value', value: this.#parts.values.encode(value), expiresAt } as const
    return this.#write(key, context, checked, unwritten)
  }

  async delete(key: string, context: Context | null, options: DeleteOptions = {}): Promise<PutResult> {
    this.#assertOpen()
    return this.#write(key, context, checkDelete(options, this.#config), { kind: 'tombstone' })
  }

  async #write(key: string, context: Context | null, checked: Checked, unwritten: Unwritten): Promise<PutResult> {
    const stored = checkKey(key)
    const seen = checkContext(stored, context)
    this.pace.request()
    const { demand, timeoutMs, signal } = checked
    return this.#operations.run(signal, 'unknown', async () => {
      await this.joining.first
      const { after, extent, hinted, isStored, failure } = await this.#send(stored, seen, unwritten, demand, timeoutMs)
      if (!isStored) throw putFailed(failure)
      const quorum = meets(extent, demand)
      const text = `the write is held by ${shortfall(extent, demand)} that were asked for; it will be handed on`
      judge(quorum, checked, text, 'stored')
      const context = encodeContext(stored, after) as Context
      return { context, acks: extent.nodes, devices: extent.devices, hinted, quorum }
    })
  }

  /** Signs a write and gives it to those who are to have it. */
  async #send(
    key: StoredKey,
    seen: SeenContext,
    unwritten: Unwritten,
    demand: Extent,
    timeoutMs: number,
  ): Promise<WriteOutcome & { readonly after: SeenContext }> {
    const written = this.#parts.author.sign(key, seen)
    const outcome = await write(this, key, delta(seen, { ...unwritten, ...written }), demand, timeoutMs)
    if (!outcome.isStored) this.#parts.author.failed(key, written)
    return { ...outcome, after: afterWrite(seen, written) }
  }

  /** Asks a node; itself without a detour. */
  async ask(node: NodeId, request: Request, waiting: Waiting): Promise<Reply> {
    this.#parts.presence.asks(node)
    if (node !== this.id) return this.peers.consult(node, request, waiting)
    const reply = await this.peers.patience.watch(node, waiting, serve(this, this.id, request))
    if (reply.type === 'failed') throw new RequestFailure('refused', reply.code)
    return reply
  }

  // Membership

  async joined(options: JoinOptions = {}): Promise<void> {
    this.#assertOpen()
    const { members, timeoutMs } = checkJoined(options)
    await this.joining.whole(this, members, timeoutMs)
  }

  serve(from: NodeId, request: Request): Promise<Reply> {
    return serve(this, from, request)
  }

  membersChanged(): void {
    this.ownership.review()
    this.joining.review()
    if (this.events.has('members')) this.events.emit('members', this.members())
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  // Looking in

  members(): readonly Member[] {
    return membersOf(this, this.#state)
  }

  status(): Status {
    const now = { device: this.#device, state: this.#state, storage: this.#parts.room.state }
    return statusOf(this, this.#config, this.#parts.log, now)
  }

  async repair(): Promise<RepairResult> {
    this.#assertOpen()
    return this.#operations.run(undefined, 'unknown', () => repairAll(this.#parts.scrub, this.peers, this.exchange))
  }

  placement(key: string): KeyPlacement {
    const stored = checkKey(key)
    return { partition: partitionOf(stored), ...this.routing.preferenceOf(stored) }
  }

  async inspect(): Promise<Inspection> {
    this.#assertOpen()
    return this.#operations.run(undefined, 'nothing', () => inspectionOf(this))
  }

  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    return this.events.on(event, listener)
  }

  // The end

  async leave(): Promise<void> {
    // A leave that could not be finished may be tried again.
    if (!this.#isClosing) this.#assertOpen()
    // Closed meanwhile, the node keeps its database: `run` rejects then.
    await this.#operations.run(undefined, 'unknown', () => handAllOver(this))
    this.#end('left')
    await this.#ports.store.destroy().catch((error: unknown) => {
      throw new TabringError('storage-failed', 'this node has left, but its database is still there', 'stored', error)
    })
  }

  async stopTakingIn(): Promise<void> {
    this.#isClosing = true
    this.membership.leave()
    await rememberMembers(this.#ports.store, this.routing.claims)
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return
    this.membership.sleep()
    this.#end('closed')
    await this.#ports.store.close()
  }

  /** Stops serving at once: its database, its lock or its name is lost. */
  lost(reason: NodeEvents['data-loss']['reason']): void {
    if (this.#state !== 'open') return
    if (reason !== 'copied') this.membership.sleep()
    this.#end('closed')
    void this.#lose(reason)
  }

  async #lose(reason: NodeEvents['data-loss']['reason']): Promise<void> {
    const { store } = this.#ports
    if (reason === 'copied') await forgetIdentity(store, this.id).catch(() => {})
    await store.close().catch(() => {})
    this.events.emit('data-loss', { reason, previousId: this.id })
  }

  #end(state: 'closed' | 'left'): void {
    this.#state = state
    for (const stop of this.#stops) stop()
    this.peers.close()
    this.reconciling.end()
    this.#operations.end()
    this.joining.end()
  }

  #assertOpen(): void {
    if (this.#state !== 'open' || this.#isClosing)
      throw new TabringError('closed', `this node has been closed (${this.#state}). Nothing was changed.`)
  }
}
