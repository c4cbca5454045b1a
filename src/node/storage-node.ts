/**
 * Storage node: the public interface of one node, over its parts (Dynamo, section 5).
 *
 * As in the paper, every node alike coordinates requests, keeps membership and has a local store. `assembly.ts` builds
 * the parts. The methods here check arguments, call a part, and judge the outcome.
 */

import { partitionOf } from '../core/hash.ts'
import type { DeviceId, NodeId } from '../core/ids.ts'
import type { place } from '../core/partitioning/placement.ts'
import type { KeyName } from '../core/stored-key.ts'
import { TabringError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { repairAll } from './anti-entropy/scrub.ts'
import { checkJoined, checkKey } from './api/arguments.ts'
import type { CheckedConfig } from './api/config.ts'
import type { Definition, EnteredDefinition, Inside } from './api/named-requests.ts'
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
import { absencesRow } from './forgetting/forgetting.ts'
import { stillAbsent } from './handoff/adoption.ts'
import { handAllOver } from './handoff/leaving.ts'
import { beginBoot, forgetIdentity } from './membership/boot.ts'
import { membersOf } from './membership/members.ts'
import { ownershipRow } from './ownership/ownership.ts'
import { formerForgettingRow, progressRow } from './ownership/progress.ts'
import { open, react } from './reactions.ts'
import { insideOf, Requests } from './requests.ts'
import { inspectionOf, statusOf } from './status.ts'

/** The parts of a node, for composition roots and tests. An application sees only its methods. */
export let partsOf: (node: StorageNode) => Parts

/** The inside of a node, as its definitions are given it, for tests. */
export let insideNode: (node: StorageNode) => Inside

/** Ends a node at once whose database, lock or name is lost. */
export let lose: (node: StorageNode, reason: NodeEvents['data-loss']['reason']) => void

export class StorageNode implements TabringNode {
  readonly #parts: Parts
  readonly #device: DeviceId
  readonly #operations = new Operations()
  readonly #requests: Requests
  readonly #inside: Inside
  readonly #opened = new WeakMap<Definition<unknown>, unknown>()
  #stops: readonly (() => void)[] = []

  private constructor(parts: Parts) {
    this.#parts = parts
    this.#device = parts.membership.own.device
    this.#requests = new Requests(parts, this.#operations)
    this.#inside = insideOf(parts, this.#operations)
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
    insideNode = (node) => node.#inside
    lose = (node, reason) => node.#lost(reason)
  }

  get id(): NodeId {
    return this.#parts.routing.self
  }

  // Requests

  get<T = unknown>(key: string, options: GetOptions = {}): Promise<GetResult<T>> {
    return this.#requests.get<T>(named(key), options)
  }

  put(key: string, context: Context | null, value: unknown, options: PutOptions = {}): Promise<PutResult> {
    return this.#requests.put(named(key), context, value, options)
  }

  delete(key: string, context: Context | null, options: DeleteOptions = {}): Promise<PutResult> {
    return this.#requests.delete(named(key), context, options)
  }

  collection<C>(definition: Definition<C>): C {
    const known = this.#opened.get(definition)
    if (known !== undefined) return known as C
    const opened = definition.open(this.#inside)
    this.#opened.set(definition, opened)
    return opened
  }

  presence<P, C>(definition: EnteredDefinition<P, C>, initial: P): C {
    return definition.enter(this.#inside, initial)
  }

  // Inspection

  async joined(options: JoinOptions = {}): Promise<void> {
    this.#parts.lifetime.assertOpen()
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
    this.#parts.lifetime.assertOpen()
    const { scrub, peers, exchange } = this.#parts
    return this.#operations.run(undefined, 'unknown', () => repairAll(scrub, peers, exchange))
  }

  placement(key: string): KeyPlacement {
    const stored = checkKey(named(key))
    return { partition: partitionOf(stored), ...this.#parts.routing.preferenceOf(stored) }
  }

  async inspect(): Promise<Inspection> {
    this.#parts.lifetime.assertOpen()
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
    if (!lifetime.isClosing) this.#parts.lifetime.assertOpen()
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
    const { lifetime, peers, reconciliations, joined, views } = this.#parts
    lifetime.state = state
    views.ended()
    for (const stop of this.#stops) stop()
    peers.close()
    reconciliations.end()
    this.#operations.end()
    joined.end()
  }
}

/** The name of a key that belongs to no collection. */
const named = (key: string): KeyName => ({ collection: '', group: null, key })
