/**
 * Named requests: get, put, delete and scan by collection, group and key (not in the paper, which has keys alone).
 *
 * Collections are built on them, and on nothing below them. A key of `TabringNode.get` has no collection and no group.
 */
import type { KeyName } from '../../core/stored-key.ts'
import type { Context, DeleteOptions, GetOptions, GetResult, PutOptions, PutResult } from './tabring-node.ts'

/** The keys of a scan. */
export interface ScanRange {
  readonly collection: string
  /** All keys of one group, or all keys of the collection in one partition (0 to 1023), those in groups included. */
  readonly where: { readonly group: string } | { readonly partition: number }
  /** Keys of the group that begin with this text. Default: all. */
  readonly prefix?: string
  /** Keys of the group after this one. Default: all. */
  readonly after?: string
  /** The position at which the page begins: `next` of the page before. Default: the first key. */
  readonly from?: string
  /** Keys of one page, 1 to 128. Default 128. A page may have fewer, and is the last one only if `next` is null. */
  readonly limit?: number
}

/** One key of a page, with all its siblings. */
export interface ScannedEntry {
  readonly name: KeyName
  readonly values: readonly unknown[]
}

/** One page of a scan. */
export interface ScanResult {
  /** In the order of their keys. Deleted and expired keys are left out. */
  readonly entries: readonly ScannedEntry[]
  /** The position at which the next page begins. Null after the last page. */
  readonly next: string | null
  /** Owners whose answers counted. */
  readonly replies: number
  /** True if `replies` reached r. */
  readonly quorum: boolean
}

export interface NamedRequests {
  get(name: KeyName, options?: GetOptions): Promise<GetResult<unknown>>
  put(name: KeyName, context: Context | null, value: unknown, options?: PutOptions): Promise<PutResult>
  delete(name: KeyName, context: Context | null, options?: DeleteOptions): Promise<PutResult>
}

/** `loading`: nothing was read yet. `partial`: fewer than r owners tell of changes. `live`: r do. */
export type FollowStatus = 'loading' | 'partial' | 'live'

/** The ground of collections: the requests of one node, its lists, its clock, and its chance. */
export interface NodeAccess extends NamedRequests {
  scan(range: ScanRange, options?: GetOptions): Promise<ScanResult>
  /**
   * Tells of all entries of a key or a group, and of every change, until the returned function is called. An entry
   * without values is gone. `r`: owners that must tell of changes for the status to be `live`. Default: the node's.
   */
  follow(
    what: KeyName | { readonly collection: string; readonly group: string },
    r: number | undefined,
    listener: (changed: readonly ScannedEntry[], status: FollowStatus) => void,
  ): () => void
  /** Calls `task` after `ms`, unless the returned function is called before. */
  after(ms: number, task: () => void): () => void
  /** The wall clock of the node, ms since 1970. */
  wall(): number
  /** 64 random bits as 16 hex digits: the name of an author of writes. */
  mintActor(): string
}

/** Ephemeral messages between the members of a ring: none stores them. */
export interface Messaging {
  /** A value as the bytes of one message. Throws `invalid-value`, or `value-too-large` beyond 4 KiB. */
  encode(value: unknown): Uint8Array
  /**
   * Sends bytes to a member. Resolves with false if nothing there listens to the topic. Rejects if it is out of reach,
   * or silent.
   */
  tell(node: string, topic: string, body: Uint8Array): Promise<boolean>
  /**
   * Calls `listener` with each value that comes under a topic, until the returned function is called. Throws `closed`,
   * or `invalid-option` for a topic of more than 256 bytes, or one that has a listener.
   */
  hear(topic: string, listener: (value: unknown, from: string) => void): () => void
  /**
   * The other members that are awake, each with a name of the acquaintance. It changes with the boot of the member, and
   * when this node was away or had to refute that it is gone: then either may have forgotten the other.
   */
  awake(): ReadonlyMap<string, string>
  /** The number of this node's boot. The next one is higher. */
  boot(): number
  /** A number higher than all that this boot has counted before. */
  count(): number
  /** Calls `listener` when members have come or gone, until the returned function is called, or the node ends. */
  onMembers(listener: () => void): () => void
  /** The time of the node's own clock, ms. It never goes back. */
  now(): number
  /** False once the node has ended. */
  isOpen(): boolean
  /** Resolves after so many ms. */
  pause(ms: number): Promise<void>
}

declare const insideBrand: unique symbol

/** The inside of a node, as a definition is given it. Only `node/access.ts` and `node/messaging.ts` look into it. */
export interface Inside {
  readonly [insideBrand]: true
}

/** A thing that a node opens, such as a collection. It carries its own code. */
export interface Definition<C> {
  readonly name: string
  /**
   * Called by `node.collection`, once for each node.
   * @example const todos = node.collection(Todos)
   */
  open(inside: Inside): C
}

/** A thing that a node enters with a state of its own, such as a presence. It carries its own code. */
export interface EnteredDefinition<P, C> {
  readonly name: string
  /**
   * Called by `node.presence`.
   * @example const here = node.presence(Cursors, { cursor: 0 })
   */
  enter(inside: Inside, initial: P): C
}
