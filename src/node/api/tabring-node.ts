/**
 * The public surface of one storage node, as applications see it (Dynamo, section 4.1).
 *
 * It declares get, put and delete, their options and results, and the events and views of a node. `StorageNode`
 * implements it.
 */
import type { KeyName } from '../../core/stored-key.ts'
import type { TabringError } from '../../errors.ts'
import type { SignalingEvent } from '../../ports.ts'
import type { Definition, EnteredDefinition } from './named-requests.ts'
import type { TraceEvent } from './trace.ts'

declare const contextBrand: unique symbol

/**
 * The state of a key that a reader saw: opaque text, safe to store and to carry to another tab. Hand it to the `put` or
 * `delete` that builds on the read. It is valid for that key only: with another one the request rejects with
 * `invalid-context`.
 * @example const { context } = await node.get('cart:alice')
 */
export type Context = string & { readonly [contextBrand]: true }

/** The part of the DOM's AbortSignal that a node uses. */
export interface AbortSignalLike {
  readonly aborted: boolean
  /**
   * Calls `listener` when the request is given up.
   * @example new AbortController().signal.addEventListener('abort', () => log('given up'))
   */
  addEventListener(type: 'abort', listener: () => void): void
  /**
   * Ends that.
   * @example new AbortController().signal.removeEventListener('abort', retryLater)
   */
  removeEventListener(type: 'abort', listener: () => void): void
}

/** The options of every get, put and delete. */
export interface RequestOptions {
  /**
   * Longest wait in ms, 1 to 600,000. Default: the node's `timeoutMs`. A request that runs out of time answers with
   * what it has. Before it, requests of a new tab wait for its first meeting with the ring, up to two seconds.
   */
  readonly timeoutMs?: number
  /** Gives the request up: it rejects with `aborted`. A put given up may still take effect. */
  readonly signal?: AbortSignalLike
  /**
   * If the answers are fewer than demanded, reject with `quorum-unreachable` instead of answering with `quorum: false`.
   */
  readonly strict?: boolean
}
/**
 * The wait of `joined`: the members that must be in reach, this node included, and its longest time in ms, 1 to
 * 600,000.
 */
export interface JoinOptions {
  readonly members?: number
  readonly timeoutMs?: number
}
/** The options of a get. */
export interface GetOptions extends RequestOptions {
  /** Nodes that must answer, 1 to n. Default: the node's `r`. */
  readonly r?: number
  /** Owners of the key among them, 0 to n. Default: 0, any node that has it. */
  readonly pr?: number
  /**
   * A context of this key, from any tab or earlier boot, that the answer must cover. The get asks further nodes in reach
   * until it does. If none of them has seen it, `quorum` is false. So a reader finds its own writes and never goes back
   * in time (session guarantees; Terry et al. 1994). Null: no such demand.
   */
  readonly atLeast?: Context | null
}
/** The options of a delete. */
export interface DeleteOptions extends RequestOptions {
  /** Nodes that must have stored it, 1 to n. Default: the node's `w`. */
  readonly w?: number
  /** Owners of the key among them, 0 to n. Default: 0, hints count too. */
  readonly pw?: number
  /** Distinct devices that must hold it, 1 to n, even after its hints have gone home. Default: 1. */
  readonly devices?: number
}
/** The options of a put. */
export interface PutOptions extends DeleteOptions {
  /**
   * The end of the value. From then on it counts as deleted, by the clock of the node that reads. A day later its bytes
   * may be given up.
   */
  readonly expiresAt?: Date
}

/** The answer to a get. */
export interface GetResult<T> {
  /** None: the key holds nothing. One: its value. Several: siblings, written without knowledge of each other. */
  readonly values: readonly T[]
  /** The context for a write that builds on this read. Null if nothing is known of the key, not even a delete. */
  readonly context: Context | null
  /** Nodes whose answers counted. */
  readonly replies: number
  /** True if `replies` reached r, owners among them pr, and the answer covers `atLeast`. */
  readonly quorum: boolean
}

/** The answer to a put or delete. */
export interface PutResult {
  /**
   * The context handed in plus this write, for the same writer's next put. It never covers anything that the writer has
   * not seen.
   */
  readonly context: Context
  /**
   * Nodes that have stored the write, with their IndexedDB transaction complete. Only those that remain when its hints
   * have gone home are counted.
   */
  readonly acks: number
  /** Distinct devices that hold the write, now and after its hints have gone to their owners. */
  readonly devices: number
  /**
   * The number of nodes that keep it as a hint for an owner out of reach. No owner is among them: what an owner has it
   * gives to the others when they are back. In a ring of n nodes all are owners, and this is 0.
   */
  readonly hinted: number
  /**
   * True if `acks` reached w, owners among them pw, and their devices the number demanded. If not, the write is kept,
   * and handed on as soon as another node is in reach.
   */
  readonly quorum: boolean
}

/** A node as this one sees it. */
export interface Member {
  readonly id: string
  /** Its failure domain. Names set by the `device` option begin with `pretended:`. */
  readonly device: string
  readonly capacity: number
  /**
   * The node came recently to a ring that has n devices without it. No partition has more than one replica on all
   * guests.
   */
  readonly guest: boolean
  readonly status: 'alive' | 'suspect' | 'away' | 'dead' | 'out' | 'left'
  /** The state of its store, by its own word. Other nodes send it no records until it is `ok` again. */
  readonly storage: 'ok' | 'full' | 'failed'
  /** True if requests reach it now. This node reaches itself. */
  readonly reachable: boolean
  readonly self: boolean
}

/** The state of a node at this moment. */
export interface Status {
  readonly id: string
  readonly device: string
  /** `open`, or the way it ended. */
  readonly state: 'open' | 'closed' | 'left'
  readonly n: number
  readonly r: number
  readonly w: number
  /** Members that placement counts on, this node included, and those of them that requests reach now. */
  readonly members: number
  readonly reachable: number
  /** Channels to other nodes: to all of them in a small ring, and never more than 48. */
  readonly links: number
  /**
   * Partitions of the ring: those this node owns, those of them it still fetches, and those it holds for new owners.
   */
  readonly partitions: { readonly owned: number; readonly syncing: number; readonly retained: number }
  /** Keys held as an owner, tombstones included, and keys of others that are kept as hints for them. */
  readonly records: number
  readonly hints: number
  readonly storage: 'ok' | 'full' | 'failed'
  /**
   * Trouble since the node opened that no caller is told of: the node tries again, or leaves it to others. `malformed`:
   * messages that made no sense; their channels were closed. `unsent`: messages without a reply that did not go out.
   * `storage`: reads and transactions that failed, bookkeeping included. `hints`, `exchanges`, `repairs`: handoffs,
   * exchanges and read repairs that the node could not finish. `undecodable`: values that a get left out. `adoptions`:
   * slots of closed tabs that this tab could not hand over.
   * @example if (node.status().trouble.storage > 100) warn('the database of this browser fails again and again')
   */
  readonly trouble: {
    readonly malformed: number
    readonly unsent: number
    readonly storage: number
    readonly hints: number
    readonly exchanges: number
    readonly repairs: number
    readonly undecodable: number
    readonly adoptions: number
  }
  /**
   * Anti-entropy since the node opened. Records that exchanges gave or fetched, and the bytes that took, comparison
   * included. Keys that scrubbing found altered or missing. And the last exchange that this node began with each peer.
   */
  readonly repair: {
    readonly keys: number
    readonly bytes: number
    readonly scrubbed: number
    readonly peers: readonly ExchangeStatus[]
  }
}

/** One exchange: its peer, its end (ms since 1970), its duration in ms, and the keys and bytes it moved. */
export interface ExchangeStatus {
  readonly id: string
  readonly endedAt: number
  readonly ms: number
  readonly keys: number
  readonly bytes: number
}

/** The outcome of `repair`. */
export interface RepairResult {
  /** Peers exchanged with, and those whose exchange could not be finished. */
  readonly peers: number
  readonly failed: number
  /** Records given or fetched, and the bytes that took, comparison included. */
  readonly keys: number
  readonly bytes: number
  /** Keys of this node that were altered or lost on its disk. */
  readonly scrubbed: number
}

/** The place of a key in the ring. */
export interface KeyPlacement {
  /** 0 to 1023. */
  readonly partition: number
  /** Node ids in preference order: the owners, then their stand-ins. */
  readonly owners: readonly string[]
  readonly fallbacks: readonly string[]
}

/** The content of one node's own store, for demos, tests and debugging panels. */
export interface Inspection {
  /** Every virtual node of the ring in order: its token (32 hex digits) and its node. */
  readonly ring: readonly { readonly token: string; readonly node: string }[]
  readonly keys: readonly {
    readonly key: string
    readonly partition: number
    /**
     * `owner`; `retained`: no longer an owner, kept until the new owners have it; `hint`: kept for the nodes in
     * `owedTo`.
     */
    readonly role: 'owner' | 'retained' | 'hint'
    readonly owedTo: readonly string[]
  }[]
}

/** The events of a node, by name. */
export interface NodeEvents {
  /** The member list or the reachability of a member has changed. */
  readonly members: readonly Member[]
  /** A read returned several siblings. */
  readonly conflict: KeyName & { readonly siblings: number }
  /**
   * A key had more than 64 siblings. This node, as a rule the first owner in reach, has replaced them by one value, with
   * a put that saw them. Values of merge types were joined, and nothing in them is lost. Of all others the latest has
   * taken the place. `values` are all of them: an application that can merge them puts the result.
   */
  readonly crowded: KeyName & { readonly siblings: number; readonly values: readonly unknown[] }
  /**
   * A value came to this node, which may have forgotten that the value was overwritten. It is stored as it was written;
   * delete it if it should be gone. Each node tells of a write once in a boot.
   */
  readonly late: KeyName & { readonly values: readonly unknown[] }
  /** A replica was brought up to date. */
  readonly repair: {
    readonly peer: string
    readonly keys: number
    readonly bytes: number
    readonly reason: 'read' | 'exchange'
  }
  /** An exchange moves records, in either direction: `moved` of `total` are in step by now. For a progress bar. */
  readonly exchange: { readonly peer: string; readonly moved: number; readonly total: number }
  /** Hints were delivered to the node they were kept for. */
  readonly handoff: { readonly to: string; readonly keys: number; readonly remaining: number }
  /**
   * A node has lost data, or its place.
   *
   * - `corrupt`: some rows on its disk were altered. It fetches them from other replicas.
   * - `evicted`: the database is gone. It was the database of the node that tells it, or of `previousId`, which that
   *   node replaces.
   * - `lock-lost`: another tab took its lock.
   * - `copied`: the browser's profile was copied, and a tab of the copy lives under its name. Opened again it is
   *   another node, and its data goes to the ring.
   * - `storage-failed`: the database has failed for a minute without a break. Opened again, this tab goes on with the
   *   database if it works by then. If not, it begins anew as another node, which tells `previousId`.
   *
   * `status().state` says if the node goes on.
   */
  readonly 'data-loss': {
    readonly reason: 'evicted' | 'lock-lost' | 'copied' | 'storage-failed' | 'corrupt'
    readonly previousId: string
  }
  readonly storage: { readonly state: 'ok' | 'full' | 'failed' }
  readonly signaling: SignalingEvent
  /**
   * A peer could not be met, or was turned away. If that is final, `error` is the error with which `joined` rejects.
   */
  readonly connection: { readonly peer: string; readonly state: 'failed' | 'refused'; readonly error: TabringError }
}

/**
 * One storage node of the ring. All promises reject with a `TabringError` and nothing else.
 * @example const node = await openNode({ cluster: 'shop' })
 */
export interface TabringNode {
  /** 32 hex digits. The id stays with this tab's slot and database across reloads. */
  readonly id: string
  /**
   * Resolves once this node reaches `members` nodes (default 2, itself included) and is in sync with its partitions.
   * Rejects with `timeout` (default after 30 s; the first tab of a ring waits in vain). If no node was met and waiting
   * is pointless, it rejects at once with `unsupported`, `signaling-refused` or `cluster-mismatch`. Gets and puts need
   * not wait for it.
   * @example await node.joined({ members: 3, timeoutMs: 10_000 })
   */
  joined(options?: JoinOptions): Promise<void>
  /**
   * Reads a key. Below r it answers with what is there, and `quorum: false`.
   * @example const { values, context } = await node.get<Cart>('cart:alice')
   */
  get<T = unknown>(key: string, options?: GetOptions): Promise<GetResult<T>>
  /**
   * Writes a key. Values are JSON-like data, `Uint8Array`, `Date` and `bigint`, at most 1 MiB encoded. With a context
   * the put replaces what that read returned. With null it is a blind write, concurrent to everything. A put is never
   * refused because other nodes are unreachable.
   * @example await node.put('cart:alice', context, { eggs: 12 })
   */
  put(key: string, context: Context | null, value: unknown, options?: PutOptions): Promise<PutResult>
  /**
   * Reads everything stored here again, and brings this node and every peer in reach in step with each other. A node
   * does this by itself in the background; the call does it at once. Rejects with `closed`, `overloaded` or a storage
   * code.
   * @example const { keys, bytes } = await node.repair()
   */
  repair(): Promise<RepairResult>
  /**
   * Deletes the siblings that the context covers. Null deletes nothing unseen: it adds a tombstone beside the siblings.
   * @example await node.delete('cart:alice', context)
   */
  delete(key: string, context: Context | null, options?: DeleteOptions): Promise<PutResult>
  /**
   * Opens a collection on this node. The same definition gives the same object. It asks no other node.
   * @example const list = node.collection(Todos).group('list-1')
   */
  collection<C>(definition: Definition<C>): C
  /**
   * Shows a state of this node to all members, and theirs to this page, for as long as they are awake. It is never
   * stored. The same definition gives the same object until `leave` is called on it. Throws `invalid-value`,
   * `value-too-large`, `closed`, or `invalid-option` if another definition of the name is entered.
   * @example const here = node.presence(Cursors, { cursor: 0 })
   */
  presence<P, C>(definition: EnteredDefinition<P, C>, initial: P): C
  /**
   * The members that this node knows, itself included.
   * @example const awake = node.members().filter(({ status }) => status === 'alive')
   */
  members(): readonly Member[]
  /**
   * The state of this node: its partitions, records, hints, store and repair.
   * @example const { members, reachable } = node.status()
   */
  status(): Status
  /**
   * The place of a key in the ring, as this node sees it now. Throws `invalid-key`.
   * @example const { owners } = node.placement('cart:alice')
   */
  placement(key: string): KeyPlacement
  /**
   * The content of this node's own store, and the ring. It reads the whole database: not for hot paths.
   * @example const { keys } = await node.inspect()
   */
  inspect(): Promise<Inspection>
  /**
   * Calls `listener` at each event; the returned function ends that. The first listener is also told earlier events of
   * three kinds: losses, late values, and the last state of each signaling server. Throws `invalid-option` for an
   * unknown event.
   * @example const stop = node.on('members', (members) => render(members))
   */
  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void
  /**
   * Tells each step of this node until the returned function is called: requests and their answers, messages, hints,
   * exchanges, members, partitions and the store. It costs nothing without a listener. The listener is called in the
   * middle of the node's work: it should note the event and return. Throws `invalid-option` if it is no function.
   * @example const stop = node.trace((event) => { if (event.type === 'request') log(event.at, event.id, event.step) })
   */
  trace(listener: (event: TraceEvent) => void): () => void
  /**
   * Leaves for good: hands all data over, tells the other nodes, deletes the database. If no node in reach can take the
   * data, it rejects with `quorum-unreachable`, and nothing has changed. If the other nodes were told and went away
   * before they had everything, it rejects with `timeout`, and may be called again. The data stays in the database, and
   * the next tab on it hands it over as another node. If only the database cannot be deleted, it rejects with
   * `storage-failed`.
   * @example await node.leave()
   */
  leave(): Promise<void>
  /**
   * Closes the node: its place in the ring and its data stay for the next tab of its slot.
   * @example await node.close()
   */
  close(): Promise<void>
}
