/**
 * One storage node: composes membership, placement, replica and coordination, and offers them as the public interface (Dynamo,
 * section 5: request coordination, membership, and a local store, on every node alike).
 */
import { partitionOf, tagOf } from '../core/hash.ts'
import type { DeviceId, NodeId, StoredKey } from '../core/ids.ts'
import type { place } from '../core/partitioning/placement.ts'
import { type Extent, meets, shortfall } from '../core/quorum/demand.ts'
import { isBlank } from '../core/versioning/causal-history.ts'
import { afterWrite, contextOf, delta, type SeenContext } from '../core/versioning/context.ts'
import { liveValues, type Unwritten } from '../core/versioning/record.ts'
import type { Reply, Request } from '../core/wire/messages.ts'
import { encodeContext } from '../core/wire/record-codec.ts'
import { TabringError } from '../errors.ts'
import { chanceOf, type Ports } from '../ports.ts'
import { stillAbsent } from './adoption.ts'
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
} from './api.ts'
import {
  type Checked,
  type CheckedConfig,
  checkContext,
  checkDelete,
  checkGet,
  checkJoined,
  checkKey,
  checkPut,
} from './arguments.ts'
import { Author } from './author.ts'
import { Crowding } from './crowding.ts'
import { DotMint, mintActor } from './dot-mint.ts'
import { Events } from './events.ts'
import { Exchange } from './exchange.ts'
import { ExchangeSchedule } from './exchange-schedule.ts'
import { FlushingStore } from './flushing-store.ts'
import { Forgetting } from './forgetting.ts'
import { HintedHandoff } from './hinted-handoff.ts'
import { Joining } from './joining.ts'
import { LateWrites } from './late-writes.ts'
import { handAllOver } from './leaving.ts'
import { inspectionOf, membersOf, statusOf } from './looking-in.ts'
import type { Membership } from './membership.ts'
import { Operations } from './operations.ts'
import { judge, putFailed } from './outcomes.ts'
import { Ownership } from './ownership.ts'
import { Pace } from './pace.ts'
import type { Peers } from './peers.ts'
import { Presence, type Present } from './presence.ts'
import { Progress } from './progress.ts'
import { read } from './read.ts'
import { Reconciling } from './reconciling.ts'
import { RepairLog } from './repair-log.ts'
import { Replica } from './replica.ts'
import { RequestFailure } from './request-failure.ts'
import { Room } from './room.ts'
import type { Routing } from './routing.ts'
import { absencesRow, formerForgettingRow, ownershipRow, progressRow } from './rows.ts'
import { repairAll, Scrub } from './scrub.ts'
import { beginBoot, forgetIdentity, rememberMembers, type Self } from './self.ts'
import { serve } from './server.ts'
import { ValueCodec } from './value-codec.ts'
import { type Coordination, type Waiting, type WriteOutcome, write } from './write.ts'

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
  readonly events: Events = new Events()
  readonly #ports: Ports
  readonly #config: CheckedConfig
  readonly #device: DeviceId
  readonly #author: Author
  readonly #values = new ValueCodec()
  readonly joining: Joining
  readonly #log: RepairLog
  readonly #scrub: Scrub
  readonly #room: Room
  readonly #presence: Presence
  readonly #operations = new Operations()
  #stops: readonly (() => void)[] = []
  #state: Status['state'] = 'open'
  #isClosing = false

  private constructor(
    ports: Ports,
    config: CheckedConfig,
    self: Self,
    [standing, absent, ...progress]: readonly (Uint8Array | undefined)[],
    placing: typeof place | undefined,
  ) {
    this.#ports = ports
    this.#config = config
    this.#device = self.own.device
    this.id = self.own.node
    this.clock = ports.clock
    const { clock, random } = ports
    const chance = () => chanceOf(random)
    const boot = mintActor(random)
    this.#author = new Author(clock, new DotMint(random, boot))
    this.pace = new Pace(clock)
    this.joining = new Joining(clock, this.events)
    this.#log = new RepairLog(clock, this.events)
    this.#presence = new Presence(
      ports,
      config,
      { self, actor: boot, cluster: tagOf(config.cluster) },
      chance,
      placing,
      this,
    )
    const { peers, membership, routing } = this.#presence
    this.peers = peers
    this.membership = membership
    this.routing = routing
    const isReachable = (node: NodeId) => peers.isReachable(node)
    const store = new FlushingStore(ports.store)
    const decode = (value: Uint8Array) => this.#values.decode(value)
    const late = new LateWrites(clock, this.events, decode)
    this.progress = new Progress(store, clock, routing, this.#presence.retention, self.boot, progress)
    this.replica = new Replica(store, this.routing, this.clock, config, this.progress, {
      corrupt: () => this.events.emit('data-loss', { reason: 'corrupt', previousId: this.id }),
      timeSeen: (time) => this.#author.saw(time),
      written: (partition) => {
        this.progress.changed(partition)
        // What a node takes alone others lack.
        if (routing.others.length === 0) membership.settle()
      },
      lost: (partition, how) => {
        this.forgetting.lost(partition)
        return [this.progress.lost(partition, how), ...this.ownership.lost(partition, how)]
      },
      stamp: () => this.progress.stamp,
      late: (key, siblings) => late.tell(key, siblings),
      storageWas: (state) => this.#room.storageWas(state),
      crowded: (key, siblings) => void this.crowding.noticed(key, siblings),
    })
    const put = (key: StoredKey, seen: SeenContext, unwritten: Unwritten) =>
      this.#send(key, seen, unwritten, checkPut({}, config).demand, config.timeoutMs)
    this.crowding = new Crowding(this, config, put, decode)
    this.ownership = new Ownership(store, routing, standing, clock, isReachable, () => {
      if (this.ownership.syncing.length === 0) membership.settle()
      this.joining.review()
    })
    this.forgetting = new Forgetting(
      store,
      clock,
      routing,
      this.#presence.retention,
      this.ownership,
      this.progress,
      absent,
    )
    this.reconciling = new Reconciling(clock, this.peers, this.routing, this.replica, boot)
    const kept = [this.ownership, this.replica, this.reconciling, this.#log, this.pace] as const
    const parts = [peers, routing, ...kept, this.forgetting, this.progress] as const
    this.exchange = new Exchange(clock, ...parts, {
      settled: (node) => void this.handoff.deliverTo(node),
      dropped: () => this.#room.madeRoom(),
      views: membership,
    })
    this.schedule = new ExchangeSchedule(
      clock,
      chance,
      peers,
      routing,
      this.ownership,
      this.replica,
      membership,
      this.exchange,
    )
    this.#room = new Room(store, clock, chance, membership, this.replica, config.n, this.events, {
      recovered: () => this.schedule.recovered(),
      givenUp: () => this.lost('storage-failed'),
    })
    this.#scrub = new Scrub(this.replica, this.#log)
    const handing = [this.replica, this.exchange, this.pace, this.events] as const
    this.handoff = new HintedHandoff(clock, chance, peers, routing, ...handing, config.hintPartBytes)
    this.#stops = [
      ...this.#presence.start(chance),
      this.schedule.start(),
      this.handoff.start(clock, chance),
      this.#room.start(chance),
      this.forgetting.start(chance),
      this.#scrub.keepStored(clock, chance),
      this.#scrub.start(clock, chance, (partition) => this.schedule.restore(partition)),
    ]
  }

  /**
   * Opens a node on these ports. `device` is its failure domain. `placing` may remember placements that nodes of one process
   * share. `adopter`: the one that has it hand everything over. Rejects with a `StoreFailure` where the store fails.
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
    node.#presence.open()
    node.joining.begin(ports.transport, node.peers, node.membership)
    return node
  }

  // Requests

  async get<T = unknown>(key: string, options: GetOptions = {}): Promise<GetResult<T>> {
    this.#assertOpen()
    this.#presence.look()
    const stored = checkKey(key)
    this.pace.request()
    const { demand, timeoutMs } = checkGet(options, this.#config)
    const atLeast = checkContext(stored, options.atLeast ?? null)
    return this.#operations.run(options.signal, 'nothing', async () => {
      await this.joining.first
      const { record, horizon, extent, quorum } = await read(this, stored, { demand, atLeast, timeoutMs })
      const values = liveValues(record, this.clock.wall()).flatMap((bytes) => {
        const value = this.#values.decode(bytes)
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
    const unwritten = { kind: 'value', value: this.#values.encode(value), expiresAt } as const
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
    const written = this.#author.sign(key, seen)
    const outcome = await write(this, key, delta(seen, { ...unwritten, ...written }), demand, timeoutMs)
    if (!outcome.isStored) this.#author.failed(key, written)
    return { ...outcome, after: afterWrite(seen, written) }
  }

  /** Asks a node; itself without a detour. */
  async ask(node: NodeId, request: Request, waiting: Waiting): Promise<Reply> {
    this.#presence.asks(node)
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
    const now = { device: this.#device, state: this.#state, storage: this.#room.state }
    return statusOf(this, this.#config, this.#log, now)
  }

  async repair(): Promise<RepairResult> {
    this.#assertOpen()
    return this.#operations.run(undefined, 'unknown', () => repairAll(this.#scrub, this.peers, this.exchange))
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
