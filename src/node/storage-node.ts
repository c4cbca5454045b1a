/**
 * Storage node: the public interface of one node, over its parts (Dynamo, section 5).
 *
 * As in the paper, every node alike coordinates requests, keeps membership and has a local store. `assembly.ts` builds
 * the parts. The methods here check arguments, call a part, and judge the outcome.
 */

import { partitionOf } from '../core/hash.ts'
import type { DeviceId, NodeId } from '../core/ids.ts'
import type { place } from '../core/partitioning/placement.ts'
import { shortfall } from '../core/quorum/demand.ts'
import { isBlank } from '../core/versioning/causal-history.ts'
import { contextOf } from '../core/versioning/context.ts'
import { liveValues, type Unwritten } from '../core/versioning/record.ts'
import { encodeContext } from '../core/wire/record-codec.ts'
import { TabringError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { repairAll } from './anti-entropy/scrub.ts'
import { type Checked, checkContext, checkDelete, checkGet, checkJoined, checkKey, checkPut } from './api/arguments.ts'
import type { CheckedConfig } from './api/config.ts'
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
import type { TraceEvent } from './api/trace.ts'
import { assemble, type Parts, start } from './assembly.ts'
import { judge, putFailed } from './coordination/outcomes.ts'
import { read } from './coordination/read.ts'
import { put } from './coordination/write.ts'
import { absencesRow } from './forgetting/forgetting.ts'
import { stillAbsent } from './handoff/adoption.ts'
import { handAllOver } from './handoff/leaving.ts'
import { beginBoot, forgetIdentity } from './membership/boot.ts'
import { membersOf } from './membership/members.ts'
import { ownershipRow } from './ownership/ownership.ts'
import { formerForgettingRow, progressRow } from './ownership/progress.ts'
import { open, react } from './reactions.ts'
import { inspectionOf, statusOf } from './status.ts'

/** The parts of a node, for composition roots and tests. An application sees only its methods. */
export let partsOf: (node: StorageNode) => Parts

/** Ends a node at once whose database, lock or name is lost. */
export let lose: (node: StorageNode, reason: NodeEvents['data-loss']['reason']) => void

export class StorageNode implements TabringNode {
  readonly #parts: Parts
  readonly #device: DeviceId
  readonly #operations = new Operations()
  #stops: readonly (() => void)[] = []

  private constructor(parts: Parts) {
    this.#parts = parts
    this.#device = parts.membership.own.device
  }

  /**
   * Opens a node on these ports. Rejects with a `StoreFailure` if the store fails.
   *
   * - `device`: its failure domain.
   * - `placing`: may remember placements that nodes of one process share.
   * - `adopter`: the node that opens this one only to have it hand everything over.
   */
  static async open(
    ports: Ports,
    config: CheckedConfig,
    device: DeviceId,
    placing?: typeof place,
    adopter: StorageNode | null = null,
  ): Promise<StorageNode> {
    const self = await beginBoot(ports.store, ports.random, ports.transport.self, device, config.capacity)
    const rows = [ownershipRow, absencesRow, progressRow, formerForgettingRow]
    const [ownership, absences, ...progress] = await ports.store.read(rows)
    const saved = { ownership, absences, progress }
    const parts = assemble(ports, config, stillAbsent(self, adopter === null ? null : adopter.#parts), saved, placing)
    const node = new StorageNode(parts)
    parts.lifetime.isClosing = adopter !== null
    react(parts, (reason) => node.#lost(reason))
    node.#stops = start(parts)
    try {
      await parts.replica.forest()
    } catch (error) {
      node.#end('closed')
      throw error
    }
    open(parts)
    return node
  }

  static {
    partsOf = (node) => node.#parts
    lose = (node, reason) => node.#lost(reason)
  }

  get id(): NodeId {
    return this.#parts.routing.self
  }

  // Requests

  async get<T = unknown>(key: string, options: GetOptions = {}): Promise<GetResult<T>> {
    this.#assertOpen()
    const { ports, config, sleepDetector, throttle, joined, coordinator, values: codec, events, trace } = this.#parts
    sleepDetector.look()
    const stored = checkKey(key)
    throttle.request()
    const { demand, timeoutMs } = checkGet(options, config)
    const atLeast = checkContext(stored, options.atLeast ?? null)
    const answer = async (id: number) => {
      await joined.first
      const { record, horizon, extent, quorum } = await read(coordinator, stored, { demand, atLeast, timeoutMs, id })
      const values = liveValues(record, ports.clock.wall()).flatMap((bytes) => {
        const value = codec.decode(bytes)
        if (value !== undefined) return [value as T]
        events.trouble.undecodable += 1
        return []
      })
      if (values.length > 1) events.emit('conflict', { key, siblings: values.length })
      const short = shortfall(extent, demand)
      judge(
        quorum,
        options,
        short === '' ? 'nobody in reach has seen what `atLeast` names' : `answered by ${short} that were asked for`,
      )
      const isUnwritten = isBlank(record.history) && record.siblings.length === 0 && horizon === 0
      const context = isUnwritten ? null : (encodeContext(stored, contextOf(record, horizon)) as Context)
      return { values, context, replies: extent.nodes, quorum }
    }
    return trace.request('get', key, 'application', (id) =>
      this.#operations.run(options.signal, 'nothing', () => answer(id)),
    )
  }

  async put(key: string, context: Context | null, value: unknown, options: PutOptions = {}): Promise<PutResult> {
    this.#assertOpen()
    const { expiresAt, ...checked } = checkPut(options, this.#parts.config)
    const unwritten = { kind: 'value', value: this.#parts.values.encode(value), expiresAt } as const
    return this.#write('put', key, context, checked, unwritten)
  }

  async delete(key: string, context: Context | null, options: DeleteOptions = {}): Promise<PutResult> {
    this.#assertOpen()
    return this.#write('delete', key, context, checkDelete(options, this.#parts.config), { kind: 'tombstone' })
  }

  async #write(
    request: 'put' | 'delete',
    key: string,
    context: Context | null,
    checked: Checked,
    unwritten: Unwritten,
  ): Promise<PutResult> {
    const { throttle, joined, coordinator, trace } = this.#parts
    const stored = checkKey(key)
    const seen = checkContext(stored, context)
    throttle.request()
    const { demand, signal } = checked
    const answer = async (id: number) => {
      await joined.first
      const terms = { ...checked, id }
      const outcome = await put(coordinator, stored, seen, unwritten, terms)
      const { after, extent, hinted, quorum, isStored, failure } = outcome
      if (!isStored) throw putFailed(failure)
      const text = `the write is held by ${shortfall(extent, demand)} that were asked for; it will be handed on`
      judge(quorum, checked, text, 'stored')
      const context = encodeContext(stored, after) as Context
      return { context, acks: extent.nodes, devices: extent.devices, hinted, quorum }
    }
    return trace.request(request, key, 'application', (id) => this.#operations.run(signal, 'unknown', () => answer(id)))
  }

  // Inspection

  async joined(options: JoinOptions = {}): Promise<void> {
    this.#assertOpen()
    const { members, timeoutMs } = checkJoined(options)
    await this.#parts.joined.whole(this.#parts, members, timeoutMs)
  }

  members(): readonly Member[] {
    return membersOf(this.#parts, this.#parts.lifetime.state)
  }

  status(): Status {
    return statusOf(this.#parts, this.#device)
  }

  async repair(): Promise<RepairResult> {
    this.#assertOpen()
    const { scrub, peers, exchange } = this.#parts
    return this.#operations.run(undefined, 'unknown', () => repairAll(scrub, peers, exchange))
  }

  placement(key: string): KeyPlacement {
    const stored = checkKey(key)
    return { partition: partitionOf(stored), ...this.#parts.routing.preferenceOf(stored) }
  }

  async inspect(): Promise<Inspection> {
    this.#assertOpen()
    return this.#operations.run(undefined, 'nothing', () => inspectionOf(this.#parts))
  }

  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    return this.#parts.events.on(event, listener)
  }

  trace(listener: (event: TraceEvent) => void): () => void {
    return this.#parts.trace.listen(listener)
  }

  // The end

  async leave(): Promise<void> {
    const { lifetime, ports } = this.#parts
    // A leave that could not be finished may be tried again.
    if (!lifetime.isClosing) this.#assertOpen()
    // If the application closes the node meanwhile, `run` rejects, and the node keeps its database.
    await this.#operations.run(undefined, 'unknown', () => handAllOver(this.#parts))
    this.#end('left')
    await ports.store.destroy().catch((error: unknown) => {
      throw new TabringError('storage-failed', 'this node has left, but its database is still there', 'stored', error)
    })
  }

  async close(): Promise<void> {
    const { lifetime, membership, ports } = this.#parts
    if (!lifetime.isOpen) return
    membership.sleep()
    this.#end('closed')
    await ports.store.close()
  }

  /** Stops serving at once: its database, its lock or its name is lost. */
  #lost(reason: NodeEvents['data-loss']['reason']): void {
    const { lifetime, membership } = this.#parts
    if (!lifetime.isOpen) return
    if (reason !== 'copied') membership.sleep()
    this.#end('closed')
    void this.#lose(reason)
  }

  async #lose(reason: NodeEvents['data-loss']['reason']): Promise<void> {
    const { store } = this.#parts.ports
    if (reason === 'copied') await forgetIdentity(store, this.id).catch(() => {})
    await store.close().catch(() => {})
    this.#parts.events.emit('data-loss', { reason, previousId: this.id })
  }

  #end(state: 'closed' | 'left'): void {
    const { lifetime, peers, reconciliations, joined } = this.#parts
    lifetime.state = state
    for (const stop of this.#stops) stop()
    peers.close()
    reconciliations.end()
    this.#operations.end()
    joined.end()
  }

  #assertOpen(): void {
    const { state, isOpen, isClosing } = this.#parts.lifetime
    if (!isOpen || isClosing)
      throw new TabringError('closed', `this node has been closed (${state}). Nothing was changed.`)
  }
}
