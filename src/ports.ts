/**
 * Ports: the services a host supplies to a storage node. Time, chance, a store, a transport, and word of its own life.
 *
 * The node reaches the world through these and nothing else. So it runs the same in a browser tab (`browser/`), in
 * memory (`memory/`) and under a simulation. Each port has one suite of tests in `test/conformance`, which every
 * implementation passes.
 */
import type { PeerId } from './core/ids.ts'

/** Time. Two clocks, because laptops sleep and people set their watches. */
export interface Clock {
  /** Milliseconds since an arbitrary zero. They only go forward. */
  now(): number
  /** Milliseconds since 1970, as far as the host knows. They may jump. */
  wall(): number
  /** Runs `task` once, when at least `delayMs` have passed. The returned function cancels it. */
  after(delayMs: number, task: () => void): () => void
}

/** Chance. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
}

/** A number from 0, included, to 1, excluded, in steps of 1/256. */
export const chanceOf = (random: Random): number => (random.bytes(1)[0] ?? 0) / 256

/**
 * The tables of a node's database.
 *
 * - `record`: its copies of partitions.
 * - `hint`: writes it keeps for others; `owed`: the owners they are for.
 * - `tree`: the tries of its partitions at some earlier time; `journal`: the changes since.
 * - `meta`: facts about the node itself.
 */
export type Table = 'record' | 'hint' | 'owed' | 'tree' | 'journal' | 'meta'

/** The place of a row. Rows are ordered by table, then group, then name, each by UTF-16 code unit. */
export type RowKey = readonly [table: Table, group: string, name: string]

/** A row's key as one text that sorts as rows do. Names of tables and groups hold no NUL. */
export const rowName = (key: RowKey): string => key.join('\u0000')

export interface Row {
  readonly key: RowKey
  readonly value: Uint8Array
}
/** A row to write; null deletes it. The bytes belong to the store from then on. */
export interface Write {
  readonly key: RowKey
  readonly value: Uint8Array | null
}
/**
 * The losses that a write survives. `relaxed`: the tab's end. `strict`: a power cut too, since the store flushes first.
 * A write that lets others delete their copy is strict.
 * @inline
 */
export type Durability = 'relaxed' | 'strict'

/**
 * The decision of a transaction, given the rows it read, in the order of its keys. It must be synchronous, and may run
 * again.
 */
export type Decide<T> = (rows: readonly (Uint8Array | undefined)[]) => {
  readonly writes: readonly Write[]
  readonly result: T
}

/**
 * The failure of a store.
 *
 * - `full`: the quota is used up. `closed`: the store was closed. In both cases nothing was written.
 * - `failed`: the store does not work. A transaction without a reported end may have been completed.
 */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly reason: 'full' | 'failed' | 'closed'

  constructor(reason: 'full' | 'failed' | 'closed', message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/**
 * An ordered store of bytes with atomic transactions. One node is its only user. The store changes no bytes that it has
 * given or received. Every promise rejects with a `StoreFailure`.
 */
export interface Store {
  /**
   * Reads `keys`, lets `decide` choose the writes, and writes them, atomic and isolated. Resolves when the transaction
   * is complete.
   */
  transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T>
  /** The rows, in the order of `keys`; undefined for a missing one. */
  read(keys: readonly RowKey[]): Promise<readonly (Uint8Array | undefined)[]>
  /** Up to `limit` rows of a table, or of one group in it, in order, strictly after `after`. */
  scan(range: {
    readonly table: Table
    readonly group?: string
    readonly after?: RowKey
    readonly limit: number
  }): Promise<readonly Row[]>
  /** Bytes used, and bytes allowed, as far as the host knows. Null if it does not tell. Never rejects. */
  room(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | null>
  /** Closes the store. Its rows stay on the disk. */
  close(): Promise<void>
  /** Closes the store and deletes everything. */
  destroy(): Promise<void>
}

/**
 * The lanes of a channel. `control` overtakes both others, and `reply` (requested values) overtakes `bulk`, even in the
 * middle of a message.
 */
export type Lane = 'control' | 'reply' | 'bulk'

/** The reason for which a channel closed or never opened. `no-route`: this browser gathered no address of its own. */
export type CloseReason = 'closed' | 'failed' | 'timeout' | 'no-route' | 'malformed'

export interface TransportHandlers {
  /**
   * A channel is open. `binding`: a value that only the two ends of this channel share, and no node between them can
   * fake. Null if the transport has none.
   */
  opened(peer: PeerId, binding: Uint8Array | null): void
  /** A channel has closed, or an attempt to open one has failed. */
  closed(peer: PeerId, reason: CloseReason): void
  message(peer: PeerId, message: Uint8Array): void
  signaling(event: SignalingEvent): void
  /** An introduction that no server can pass on, for the mesh to carry. */
  introduce(to: PeerId, body: string): void
  /**
   * True if one more channel may be opened or accepted, beside `channels` that are open or on their way. The transport
   * in memory never asks.
   */
  admits(channels: number): boolean
}

/**
 * Channels to every peer in reach. The transport finds peers and keeps trying by itself. Messages arrive whole and in
 * lane order, or the channel closes.
 */
export interface Transport {
  /** The name of this end, new with each boot. */
  readonly self: PeerId
  start(handlers: TransportHandlers): void
  /** Resolves when the first introductions are over: the peers that were there are connected, or none answered. */
  met(): Promise<void>
  /**
   * Resolves when the channel has taken the whole message (back-pressure). Rejects if the channel closes first, or if
   * its queue is full.
   */
  send(peer: PeerId, message: Uint8Array, lane: Lane): Promise<void>
  /** Peers to keep channels to, besides those that servers name. It replaces the set of the last call. */
  want(peers: ReadonlySet<PeerId>): void
  /** An introduction that a peer has sent through the mesh. */
  introduced(from: PeerId, body: string): void
  /** Stays with the signaling servers, where newcomers arrive first, or leaves them. The default is to stay. */
  listen(how: 'always' | 'not now'): void
  /** Closes the channel to one peer. `for good`: the transport does not try it again. */
  drop(peer: PeerId, how: 'for now' | 'for good'): void
  /** Closes every channel at once, synchronously: a tab that goes away has no time. */
  close(): void
}

/**
 * The state of one signaling server. `refused` is final, and `reason` says why.
 *
 * @example
 * node.on('signaling', ({ url, state }) => { if (state === 'retrying') console.log(`${url} is away`) })
 */
export interface SignalingEvent {
  readonly url: string
  readonly state: 'open' | 'retrying' | 'refused'
  readonly reason?: string
}

export interface SignalingHandlers {
  /** This peer is in the room, and these are too. */
  joined(peers: readonly PeerId[]): void
  arrived(peer: PeerId): void
  gone(peer: PeerId): void
  message(from: PeerId, body: string): void
  state(event: SignalingEvent): void
}

/**
 * Introductions: passes small texts between peers that share a room. It reconnects by itself, and never carries data.
 */
export interface Signaling {
  join(peer: PeerId, handlers: SignalingHandlers): void
  /** True if the text was passed on towards `to`; false without a connection. */
  send(to: PeerId, body: string): boolean
  close(): void
}

/** Word of the host's own life. */
export interface Lifecycle {
  /** The tab is about to be frozen. It runs nothing for a while, and its channels stay open. */
  onSleep(task: () => void): void
  /** The tab is about to close or to be put aside: the last chance to close channels. */
  onSuspend(task: () => void): void
  /** The tab is back after all. */
  onResume(task: () => void): void
}

/** All ports of a storage node. */
export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly transport: Transport
  readonly lifecycle: Lifecycle
}
