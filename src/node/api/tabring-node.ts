/**
 * The public surface of one storage node, as applications see it (Dynamo, section 4.1).
 */
import type { TabringError } from '../../errors.ts'
import type { SignalingEvent } from '../../ports.ts'

declare const contextBrand: unique symbol

/**
 * What a reader saw of a key: opaque text, safe to store and to carry to another tab. Hand it to the `put` or
 * `delete` that builds on the read. It is good for that key only: with another one the request is refused as
 * `invalid-context`.
 */
export type Context = string & { readonly [contextBrand]: true }

/** The part of the DOM's AbortSignal that is used. */
export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface RequestOptions {
  /**
   * Longest wait for other nodes in ms, 1 to 600,000. Default: the node's `timeoutMs`. A request that runs out of
   * time answers with what it has. Requests of a new tab wait before for its first meeting with the ring, up to two
   * seconds, and all for this tab's own disk.
   */
  readonly timeoutMs?: number
  /** Gives the request up: it rejects with `aborted`. A put given up may still take effect. */
  readonly signal?: AbortSignalLike
  /**
   * Reject with `quorum-unreachable` where fewer answered than was asked for, instead of answering with `quorum:
   * false`.
   */
  readonly strict?: boolean
}
/** What to wait for: so many members in reach, this node included, and ms, 1 to 600,000. */
export interface JoinOptions {
  readonly members?: number
  readonly timeoutMs?: number
}
export interface GetOptions extends RequestOptions {
  /** Nodes that must answer, 1 to n. Default: the node's `r`. */
  readonly r?: number
  /** Of these, owners of the key, 0 to n. Default: 0, anybody who has it. */
  readonly pr?: number
  /**
   * What the answer must have seen: a context of this key, from any tab or earlier boot. The get goes on asking until
   * it has, so that a reader finds its own writes and never goes back in time (session guarantees; Terry et al.
   * 1994). Null: nothing in particular.
   */
  readonly atLeast?: Context | null
}
export interface DeleteOptions extends RequestOptions {
  /** Nodes that must have stored it, 1 to n. Default: the node's `w`. */
  readonly w?: number
  /** Of these, owners of the key, 0 to n. Default: 0, hints count too. */
  readonly pw?: number
  /** Distinct devices that must hold it, 1 to n, also after its hints have gone home. Default: 1. */
  readonly devices?: number
}
export interface PutOptions extends DeleteOptions {
  /**
   * When the value ends: from then on it counts as deleted, by the clock of whoever reads. A day later its bytes may
   * be given up.
   */
  readonly expiresAt?: Date
}

export interface GetResult<T> {
  /** None: the key holds nothing. One: its value. Several: siblings, written without knowledge of each other. */
  readonly values: readonly T[]
  /** For the write that builds on this read. Null when nothing is known of the key, not even a delete. */
  readonly context: Context | null
  /** Nodes whose answers counted. */
  readonly replies: number
  /** Whether `replies` reached r, owners among them pr, and the answer has seen `atLeast`. */
  readonly quorum: boolean
}

export interface PutResult {
  /**
   * The context handed in plus this write: for the same writer's next put. It never covers what the writer has not
   * seen.
   */
  readonly context: Context
  /**
   * Nodes that have stored the write, in IndexedDB, transaction complete: as many as are left when its hints have
   * gone home.
   */
  readonly acks: number
  /** Distinct devices that hold it, now and after its hints have gone to the owners they are kept for. */
  readonly devices: number
  /** How many of them keep it as a hint for an owner that could not be reached. */
  readonly hinted: number
  /**
   * Whether `acks` reached w, owners among them pw, and their devices what was asked for. If not, the write is kept
   * and handed on as soon as there is somebody to hand it to.
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
   * It came a short while ago to a ring that has n devices without it: no partition has more than one replica on all
   * guests.
   */
  readonly guest: boolean
  readonly status: 'alive' | 'suspect' | 'away' | 'dead' | 'out' | 'left'
  /** How its store takes what it is given, by its own word: the others send it nothing until it is `ok` again. */
  readonly storage: 'ok' | 'full' | 'failed'
  /** Whether requests reach it now. This node reaches itself. */
  readonly reachable: boolean
  readonly self: boolean
}

export interface Status {
  readonly id: string
  readonly device: string
  /** `open`, or how it ended. */
  readonly state: 'open' | 'closed' | 'left'
  readonly n: number
  readonly r: number
  readonly w: number
  /** Members that placement counts on, this node included, and how many of them requests reach now. */
  readonly members: number
  readonly reachable: number
  /** Channels to other nodes: to all of them in a small ring, never more than 48. */
  readonly links: number
  /**
   * Partitions of the ring this node owns; of those, how many it is still fetching; and how many it holds for new
   * owners.
   */
  readonly partitions: { readonly owned: number; readonly syncing: number; readonly retained: number }
  /** Keys held as an owner, tombstones included, and keys kept as hints for others. */
  readonly records: number
  readonly hints: number
  readonly storage: 'ok' | 'full' | 'failed'
  /**
   * Anti-entropy since the node opened: records that exchanges gave or fetched and bytes they took, comparison
   * included; keys that scrubbing found altered or missing; and the last exchange this node began with each peer.
   */
  readonly repair: {
    readonly keys: number
    readonly bytes: number
    readonly scrubbed: number
    readonly peers: readonly ExchangeStatus[]
  }
}

/** One exchange: with whom, when it ended (ms since 1970), how long it took in ms, and what it moved. */
export interface ExchangeStatus {
  readonly id: string
  readonly endedAt: number
  readonly ms: number
  readonly keys: number
  readonly bytes: number
}

/** What `repair` did. */
export interface RepairResult {
  /** Peers exchanged with, and those with whom it could not be finished. */
  readonly peers: number
  readonly failed: number
  /** Records given or fetched, and bytes that took, comparison included. */
  readonly keys: number
  readonly bytes: number
  /** Keys of this node that had been altered or lost on its disk. */
  readonly scrubbed: number
}

/** Where a key belongs. */
export interface KeyPlacement {
  /** 0 to 1023. */
  readonly partition: number
  /** Node ids in preference order: the owners, then those who stand in. */
  readonly owners: readonly string[]
  readonly fallbacks: readonly string[]
}

/** What one node itself stores: for demos, tests and debugging panels. */
export interface Inspection {
  /** Every virtual node of the ring in order: 32 hex digits of token, and whose it is. */
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

export interface NodeEvents {
  /** The member list or somebody's reachability has changed. */
  readonly members: readonly Member[]
  /** A read returned several siblings. */
  readonly conflict: { readonly key: string; readonly siblings: number }
  /**
   * A key had more than 64 siblings, and this node, its first owner in reach, has replaced them by the latest value,
   * with a put that saw them. `values` are all of them, for an application that can merge them and put the result.
   */
  readonly crowded: { readonly key: string; readonly siblings: number; readonly values: readonly unknown[] }
  /**
   * A value came to this node although it may have forgotten that the value was overwritten. It is stored as it was
   * written; delete it if it should be gone. Each node tells of a write once in a boot.
   */
  readonly late: { readonly key: string; readonly values: readonly unknown[] }
  /** A replica was brought up to date. */
  readonly repair: {
    readonly peer: string
    readonly keys: number
    readonly bytes: number
    readonly reason: 'read' | 'exchange'
  }
  /** An exchange moves records, in either direction: so many of `total` are in step by now. For a progress bar. */
  readonly exchange: { readonly peer: string; readonly moved: number; readonly total: number }
  /** Hints were delivered to the node they were kept for. */
  readonly handoff: { readonly to: string; readonly keys: number; readonly remaining: number }
  /**
   * A node is not what it was. `corrupt`: some of what its disk holds was altered, and is fetched from other
   * replicas. `evicted`: the database is gone, of the node that tells it or of `previousId`, in whose place it came.
   * `lock-lost`: another tab took its lock. `copied`: the browser's profile was copied, and a tab of the copy lives
   * under its name; opened again, it is another node, and what it held goes to the ring. `storage-failed`: the
   * database has failed for a minute on end; opened again, this tab goes on with it if it works by then, or begins
   * anew as another node, which tells it of `previousId`. `status().state` says whether the node goes on.
   */
  readonly 'data-loss': {
    readonly reason: 'evicted' | 'lock-lost' | 'copied' | 'storage-failed' | 'corrupt'
    readonly previousId: string
  }
  readonly storage: { readonly state: 'ok' | 'full' | 'failed' }
  readonly signaling: SignalingEvent
  /** A peer could not be met or was turned away; `error` is what `joined` would reject with, if it is final. */
  readonly connection: { readonly peer: string; readonly state: 'failed' | 'refused'; readonly error: TabringError }
}

/** One storage node of the ring. All promises reject with a `TabringError` and nothing else. */
export interface TabringNode {
  /** 32 hex digits; stays with this tab's slot and database across reloads. */
  readonly id: string
  /**
   * Resolves once this node reaches `members` nodes (default 2, itself included) and is in sync with its partitions.
   * Rejects with `timeout` (default after 30 s; the first tab of a ring waits in vain), or at once with
   * `unsupported`, `signaling-refused` or `cluster-mismatch` where nobody was met and waiting is pointless. Gets and
   * puts need not wait for it.
   * @example await node.joined({ members: 3, timeoutMs: 10_000 })
   */
  joined(options?: JoinOptions): Promise<void>
  /**
   * Reads a key. Below r it answers with what there is and `quorum: false`.
   * @example const { values, context } = await node.get<Cart>('cart:alice')
   */
  get<T = unknown>(key: string, options?: GetOptions): Promise<GetResult<T>>
  /**
   * Writes a key: JSON-like data, `Uint8Array`, `Date`, `bigint`, at most 1 MiB encoded. With a context it replaces
   * what that read returned; with null it is a blind write, concurrent to everything. Never refused because others
   * are unreachable.
   * @example await node.put('cart:alice', context, { eggs: 12 })
   */
  put(key: string, context: Context | null, value: unknown, options?: PutOptions): Promise<PutResult>
  /**
   * Reads all that is stored here again, and brings this node and every peer in reach in step with each other.
   * Happens by itself in the background; this is for whoever does not want to wait. Rejects with `closed`,
   * `overloaded` or a storage code.
   *
   * @example const { keys, bytes } = await node.repair()
   */
  repair(): Promise<RepairResult>
  /**
   * Deletes what the context covers. Null deletes nothing unseen: it adds a tombstone beside the siblings.
   * @example await node.delete('cart:alice', context)
   */
  delete(key: string, context: Context | null, options?: DeleteOptions): Promise<PutResult>
  members(): readonly Member[]
  status(): Status
  /** Where a key belongs in the ring as this node sees it now. */
  placement(key: string): KeyPlacement
  /** What this node itself stores, and the ring. Reads the whole database: not for hot paths. */
  inspect(): Promise<Inspection>
  /**
   * Calls `listener` at each event; the returned function ends that. What was lost, and how it stands with each
   * signaling server, is told to the first who listens also where it happened before. Throws `invalid-option` where
   * there is no such event.
   * @example const stop = node.on('members', (members) => render(members))
   */
  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void
  /**
   * For good: hands all data over, tells the others, deletes the database. Rejects with `quorum-unreachable` and
   * nothing changed where nobody in reach can take the data. Where the others were told but went away before they had
   * everything, it rejects with `timeout` and may be called again; the data stays in the database, and the next tab
   * on it hands it over as another node.
   */
  leave(): Promise<void>
  /** The tab goes away; its place and its data stay. */
  close(): Promise<void>
}
