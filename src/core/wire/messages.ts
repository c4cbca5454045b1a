/**
 * The messages between two nodes, as types (not in the paper); `message-codec.ts` turns them into bytes.
 *
 * Two nodes that meet exchange one hello each, and accept nothing else before. Afterwards most messages are requests
 * and replies. Both carry the sender's view hash, so the first message shows a difference in membership.
 */

import type { ReceivedVector, Session } from '../acceptance/sessions.ts'
import type { ActorId, HybridTime, NodeId, Partition, PeerId, StoredKey, ViewHash } from '../ids.ts'
import type { Claim } from '../membership/claims.ts'
import type { SwimMessage } from '../membership/swim-port.ts'
import type { Record } from '../versioning/record.ts'

/** The values that two nodes must agree on, and the identity of the sender. */
export interface Hello {
  readonly protocolVersion: number
  /** Tag of the cluster's name. */
  readonly cluster: string
  readonly n: number
  readonly partitions: number
  readonly tokensPerNode: number
  /** Time until an absent member is out. */
  readonly graceMs: number
  /** Time a ring waits for absent members before it forgets deletes. Not compared: the longer one holds. */
  readonly retentionMs: number
  /** Partitions of which the sender holds a copy that was complete once. */
  readonly held: readonly Partition[]
  readonly node: NodeId
  /** The boot of the sender. A later connection of another boot replaces the earlier one. */
  readonly boot: ActorId
}

export interface KeyedRecord {
  readonly key: StoredKey
  readonly record: Record
}

/**
 * The reason for which a node gives records to another. The receiver flushes a hint before it confirms, since the
 * sender then deletes it. An exchange flushes once, at its end. Only an exchange has terms.
 */
export const reasons = ['hint', 'read', 'exchange'] as const
export type Reason = (typeof reasons)[number]

/** Values of partitions, each with all partitions that have it. */
export type Grouped<T> = readonly { readonly is: T; readonly of: readonly Partition[] }[]

/** The terms of a node for an exchange, before any record moves. They hold for the beginning of the session. */
export interface ExchangeTerms {
  /**
   * Per partition, a session of the receiver of these terms. The sender has all that the receiver had stored before it.
   */
  readonly received: Grouped<Session>
  /** Per partition, the time up to which the sender may have pruned names. */
  readonly floors: Grouped<HybridTime>
}

/** The state of a partition, as its node tells it. */
export interface Told {
  /** The time up to which names may be pruned; 0 if the node is not in sync. */
  readonly horizon: HybridTime
  /** The received vector of the node. */
  readonly received: ReceivedVector
}

/** The account of a node that has given all it has of some partitions, as of the beginning of the session. */
export interface Account {
  /** A session of the node: it has given all that it had stored before. */
  readonly session: Session
  /** The node's clock, minus the retention. */
  readonly clock: HybridTime
  readonly kept: Grouped<Told>
}

/** A page of a scan: `limit` names of one partition that begin with one of `prefixes`, from `from` on. */
export interface NameRange {
  readonly partition: Partition
  /** One, or the two of a whole collection: of its keys without a group, and with one. */
  readonly prefixes: readonly string[]
  readonly from: string
  readonly limit: number
}

export type Request =
  /** Store this delta. With `hintFor`, keep it as a hint for those owners. */
  | { readonly type: 'put'; readonly key: StoredKey; readonly delta: Record; readonly hintFor: readonly NodeId[] }
  | { readonly type: 'get'; readonly key: StoredKey }
  /** Send one page of a partition, in the order of names. */
  | ({ readonly type: 'scan' } & NameRange)
  /** Tell the sender of changes of these partitions, for `bounds.followMs`. */
  | { readonly type: 'follow'; readonly partitions: readonly Partition[] }
  /** Records that the receiver follows have changed: as they are at the sender now. */
  | { readonly type: 'changed'; readonly entries: readonly KeyedRecord[] }
  /** A state or event that members show each other, and none stores. The reply is `heard`; `closed` if nothing listens to the topic. */
  | { readonly type: 'ephemeral'; readonly topic: string; readonly body: Uint8Array }
  /**
   * Push-pull. It begins with the digest of the member list and no claims. If the digests differ, claims follow in both
   * directions.
   */
  | { readonly type: 'members'; readonly digest: ViewHash; readonly claims: readonly Claim[] }
  /**
   * Join these records. `received`: the siblings that the receiver had received before, by their places among all
   * siblings of the entries.
   */
  | {
      readonly type: 'deliver'
      readonly why: Reason
      readonly entries: readonly KeyedRecord[]
      readonly received: readonly number[]
    }
  /**
   * One step of a reconciliation (see `core/merkle`). `scope`: its partitions. Null for those that the two nodes
   * compare in every exchange (`Routing.sharedPartitions`). The first step of a session starts it anew.
   */
  | {
      readonly type: 'reconcile'
      readonly session: number
      readonly scope: readonly Partition[] | null
      readonly body: Uint8Array
    }
  /** Send the records of the keys with these hashes, 16 bytes each. */
  | { readonly type: 'fetch'; readonly hashes: Uint8Array }
  /** Records are about to move in this session. The reply has the other side's terms for the same partitions. */
  | {
      readonly type: 'terms'
      readonly session: number
      readonly of: readonly Partition[]
      readonly terms: ExchangeTerms
    }
  /**
   * The receiver holds or covers all the sender has of `partitions`. The sender, flushed, holds or covers all that the
   * receiver had of `back` when the session began. `account` is of `partitions`; the account in the reply is of `back`.
   */
  | {
      readonly type: 'settled'
      readonly session: number
      readonly partitions: readonly Partition[]
      readonly back: readonly Partition[]
      readonly account: Account
    }

export type FailureCode = 'storage-full' | 'storage-failed' | 'closed' | 'overloaded'

/** The weight of an answer to a get: as an owner's, as a stand-in's that holds it for owners, or none. */
export const countings = ['as nobody', 'as stand-in', 'as owner'] as const
export type Counting = (typeof countings)[number]

export type Reply =
  /**
   * `standing`: the role in which the node stored the delta. An owner in sync, an owner not yet in sync, or a stand-in.
   */
  | { readonly type: 'stored'; readonly standing: 'owner' | 'syncing' | 'hint' }
  /** `counts`: the weight of the answer for r. `sources`: nodes to ask besides, while this replica is not in sync. */
  | {
      readonly type: 'record'
      readonly record: Record
      /** The time up to which the replica prunes names; 0 if it is not in sync. */
      readonly horizon: HybridTime
      /** The time up to which names may have been pruned in the rows that are here; 0 if one is lost. */
      readonly floor: HybridTime
      readonly counts: Counting
      readonly sources: readonly NodeId[]
    }
  /** The records of one page of a scan. `next`: the name with which the next page begins. Null for the last page. */
  | {
      readonly type: 'scanned'
      readonly entries: readonly KeyedRecord[]
      readonly next: StoredKey | null
      /** As in a `record`. */
      readonly floor: HybridTime
      readonly counts: Counting
      readonly sources: readonly NodeId[]
    }
  /** `whole`: the partitions in which the sender has all, as an owner in sync. */
  | { readonly type: 'following'; readonly whole: readonly Partition[] }
  | { readonly type: 'heard' }
  | { readonly type: 'members'; readonly digest: ViewHash; readonly claims: readonly Claim[] }
  /** The next step. Empty if the last one made no sense, or its session is over. */
  | { readonly type: 'reconciled'; readonly body: Uint8Array }
  /** The records found for the first `considered` hashes. The others did not fit, and may be requested again. */
  | {
      readonly type: 'records'
      readonly entries: readonly KeyedRecord[]
      readonly received: readonly number[]
      readonly considered: number
    }
  /** The delivered records are stored. `overwritten` names those that the giver holds and should drop. */
  | { readonly type: 'taken'; readonly overwritten: readonly KeyedRecord[] }
  | { readonly type: 'terms'; readonly terms: ExchangeTerms }
  | { readonly type: 'settled'; readonly account: Account }
  | { readonly type: 'failed'; readonly code: FailureCode }

export type Message =
  | { readonly kind: 'hello'; readonly hello: Hello }
  /** The meeting is over, at once and finally. */
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'request'; readonly id: number; readonly view: ViewHash; readonly body: Request }
  | { readonly kind: 'reply'; readonly id: number; readonly view: ViewHash; readonly body: Reply }
  /** Failure detection and news. It has no reply. */
  | { readonly kind: 'swim'; readonly view: ViewHash; readonly body: SwimMessage }
  /** An introduction that travels through the mesh. The receiver is its target, or has a channel to it. */
  | { readonly kind: 'signal'; readonly from: PeerId; readonly to: PeerId; readonly body: string }
  /** An introduction that the relay could not pass on, returned. */
  | { readonly kind: 'unsignaled'; readonly to: PeerId; readonly body: string }
  /** A whole message for the receiver, or for a node it has a channel to: one hop for pairs without a channel. */
  | { readonly kind: 'relay'; readonly from: NodeId; readonly to: NodeId; readonly message: Uint8Array }
  /** A message to that node could not be relayed. */
  | { readonly kind: 'unrelayed'; readonly to: NodeId }
  /** The sender gives up this channel because it has too many, and for no other reason. */
  | { readonly kind: 'part' }
