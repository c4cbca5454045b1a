/**
 * What a host must supply for a storage node to run: time, chance, a store, a transport and word of its own life.
 *
 * The node reaches the world through these and nothing else, so it runs the same in a browser tab (`browser/`), in
 * memory (`memory/`) and under a simulation. Each port has one suite of tests in `test/conformance` that every
 * implementation passes.
 */
import type { PeerId } from './core/ids.ts'

/** Time. Two clocks, because laptops sleep and people set their watches. */
export interface Clock {
  /** Milliseconds that only go forward; their zero means nothing. */
  now(): number
  /** Milliseconds since 1970, as good as the host knows. May jump. */
  wall(): number
  /** Runs `task` once, not before `delayMs` have passed. The returned function calls it off. */
  after(delayMs: number, task: () => void): () => void
}

/** Chance. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
}

/** A number from 0 to 1, which is left out; in steps of 1/256. */
export const chanceOf = (random: Random): number => (random.bytes(1)[0] ?? 0) / 256

/**
 * `record`: what this node holds of its partitions. `hint`: what it keeps for others; `owed`: whom for. `tree`: the
 * tries of its partitions as they were some time ago; `journal`: what has changed since. `meta`: about itself.
 */
export type Table = 'record' | 'hint' | 'owed' | 'tree' | 'journal' | 'meta'

/** Where a row is: rows are ordered by table, then group, then name, each by UTF-16 code unit. */
export type RowKey = readonly [table: Table, group: string, name: string]

/** A row's key as one text, which sorts as rows do: tables have no NUL in their names, nor have groups. */
export const rowName = (key: RowKey): string => key.join('\u0000')

export interface Row {
  readonly key: RowKey
  readonly value: Uint8Array
}
/** A row to be written; null deletes it. The bytes are the store's from then on. */
export interface Write {
  readonly key: RowKey
  readonly value: Uint8Array | null
}
/**
 * `relaxed`: survives the tab. `strict`: flushed first, survives a power cut; for what lets others delete their copy.
 */
export type Durability = 'relaxed' | 'strict'

/**
 * What a transaction decides, given the rows it read, in the order it named them. Must be synchronous and may run
 * again.
 */
export type Decide<T> = (rows: readonly (Uint8Array | undefined)[]) => {
  readonly writes: readonly Write[]
  readonly result: T
}

/**
 * How a store fails. `full`: the quota; `closed`: it was closed; in both cases nothing was written. `failed`: it does
 * not work, and a transaction whose end nobody heard of may have been completed.
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
 * An ordered store of bytes with atomic transactions. One node is its only user, and changes no bytes that it has
 * given or was given. Every promise rejects with a `StoreFailure`.
 */
export interface Store {
  /**
   * Reads `keys`, lets `decide` say what to write, writes it; resolves when the transaction is complete. Atomic and
   * isolated.
   */
  transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T>
  /** The rows, in the order named. */
  read(keys: readonly RowKey[]): Promise<readonly (Uint8Array | undefined)[]>
  /** Up to `limit` rows of a table, or of one group of it, in order, strictly after `after`. */
  scan(range: {
    readonly table: Table
    readonly group?: string
    readonly after?: RowKey
    readonly limit: number
  }): Promise<readonly Row[]>
  /**
   * How many bytes are used and how many there may be, as far as the host knows; null where it does not say. Never
   * rejects.
   */
  room(): Promise<{ readonly usedBytes: number; readonly quotaBytes: number } | null>
  /** Closes; what was written stays. */
  close(): Promise<void>
  /** Closes and deletes everything. */
  destroy(): Promise<void>
}

/**
 * `control` overtakes both others, and `reply`, the values that were asked for, overtakes `bulk`: also in the middle
 * of a message.
 */
export type Lane = 'control' | 'reply' | 'bulk'

/** Why a channel closed or never opened. `no-route`: this browser gathered no address to be reached at. */
export type CloseReason = 'closed' | 'failed' | 'timeout' | 'no-route' | 'malformed'

export interface TransportHandlers {
  /**
   * A channel is open. `binding` is a value both ends of this channel share and nobody between them can fake, if
   * there is one.
   */
  opened(peer: PeerId, binding: Uint8Array | null): void
  /** A channel has closed, or an attempt to open one has failed. */
  closed(peer: PeerId, reason: CloseReason): void
  message(peer: PeerId, message: Uint8Array): void
  signaling(event: SignalingEvent): void
  /** An introduction that no server can pass on, for the mesh to carry. */
  introduce(to: PeerId, body: string): void
  /**
   * Whether one channel more may be opened or taken, beside so many that are open or on their way. Not asked among a
   * few in memory.
   */
  admits(channels: number): boolean
}

/**
 * Channels to every peer that can be met. Finds them and keeps trying by itself. Messages arrive whole and in lane
 * order, or the channel closes.
 */
export interface Transport {
  /** What this end is called: a new name with each boot. */
  readonly self: PeerId
  start(handlers: TransportHandlers): void
  /**
   * Resolves when the first introductions are over: those who were there have been connected to, or nobody answered.
   */
  met(): Promise<void>
  /**
   * Resolves when the channel has taken the whole message (back-pressure); rejects when it closes before, or its
   * queue is full.
   */
  send(peer: PeerId, message: Uint8Array, lane: Lane): Promise<void>
  /** Peers to keep channels to, besides those that servers name; replaces what was wanted before. */
  want(peers: ReadonlySet<PeerId>): void
  /** What a peer sent through the mesh to be introduced. */
  introduced(from: PeerId, body: string): void
  /** Whether to stay with the signaling servers, where newcomers come first. Until told otherwise, it does. */
  listen(how: 'always' | 'not now'): void
  /** Closes the channel to one peer. `for good`: it is not tried again. */
  drop(peer: PeerId, how: 'for now' | 'for good'): void
  /** Closes every channel at once, synchronously: a tab that goes away has no time. */
  close(): void
}

/** How it stands with one signaling server. `refused` is final; `reason` says why. */
export interface SignalingEvent {
  readonly url: string
  readonly state: 'open' | 'retrying' | 'refused'
  readonly reason?: string
}

export interface SignalingHandlers {
  /** We are in the room, and these are too. */
  joined(peers: readonly PeerId[]): void
  arrived(peer: PeerId): void
  gone(peer: PeerId): void
  message(from: PeerId, body: string): void
  state(event: SignalingEvent): void
}

/** Introductions: passes small texts between peers that share a room. Reconnects by itself; carries no data, ever. */
export interface Signaling {
  join(peer: PeerId, handlers: SignalingHandlers): void
  /** Whether the text was passed on towards `to`; false while there is no connection. */
  send(to: PeerId, body: string): boolean
  close(): void
}

/** Word of the host's own life. */
export interface Lifecycle {
  /** The tab is about to be frozen: it runs nothing more for a while, and its channels stay open. */
  onSleep(task: () => void): void
  /** The tab is about to be hidden for good or put aside: last chance to close channels. */
  onSuspend(task: () => void): void
  /** It is back after all. */
  onResume(task: () => void): void
}

/** All that a storage node needs. */
export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly transport: Transport
  readonly lifecycle: Lifecycle
}
