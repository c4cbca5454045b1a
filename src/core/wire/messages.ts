/**
 * Every message between two nodes. Types only; `message-codec.ts` makes bytes of them.
 *
 * Two nodes that meet exchange a hello each and nothing else is accepted before. Then everything is a request or its
 * reply. Both carry the sender's view hash, so that a difference in membership shows with the first message.
 */

import type { ReceivedVector, Session } from '../acceptance/sessions.ts'
import type { ActorId, HybridTime, NodeId, Partition, PeerId, StoredKey, ViewHash } from '../ids.ts'
import type { Claim } from '../membership/claims.ts'
import type { SwimMessage } from '../membership/swim-port.ts'
import type { Record } from '../versioning/record.ts'

/** What two nodes must agree on, and who speaks. */
export interface Hello {
  readonly protocolVersion: number
  /** Tag of the cluster's name. */
  readonly cluster: string
  readonly n: number
  readonly partitions: number
  readonly tokensPerNode: number
  /** After how long a member that is away is out. */
  readonly graceMs: number
  /** For how long the ring waits for those who are away before it forgets; not compared: the longer one holds. */
  readonly retentionMs: number
  /** Partitions of which its copy was complete once, and is here. */
  readonly held: readonly Partition[]
  readonly node: NodeId
  /** The boot of that node; a later connection of another boot replaces the earlier one. */
  readonly boot: ActorId
}

export interface KeyedRecord {
  readonly key: StoredKey
  readonly record: Record
}

/**
 * Why records are given to a node. The receiver flushes a hint before it confirms, since the sender then deletes it.
 * An exchange flushes once, at its end, and only an exchange has terms.
 */
export const reasons = ['hint', 'read', 'exchange'] as const
export type Reason = (typeof reasons)[number]

/** A value of each of some partitions. */
export type Grouped<T> = readonly { readonly is: T; readonly of: readonly Partition[] }[]

/** What a node says to another before any record moves between them, as it was when the session began. */
export interface ExchangeTerms {
  /** By partition, the session of the other before which this node has received all that the other had stored. */
  readonly received: Grouped<Session>
  /** By partition, up to when names may have been pruned here. */
  readonly floors: Grouped<HybridTime>
}

/** What a node says of a partition. */
export interface Told {
  /** Up to when names may be pruned; 0 where it is not in sync. */
  readonly horizon: HybridTime
  /** What it has received of others. */
  readonly received: ReceivedVector
}

/** What a node that has given all it has of some partitions says of them, as it was when the session began. */
export interface Account {
  /** All that it had stored before this session of its own has been given. */
  readonly session: Session
  /** Its clock, less the retention. */
  readonly clock: HybridTime
  readonly kept: Grouped<Told>
}

export type Request =
  /** Store this delta. With `hintFor`, keep it for those owners instead of as one. */
  | { readonly type: 'put'; readonly key: StoredKey; readonly delta: Record; readonly hintFor: readonly NodeId[] }
  | { readonly type: 'get'; readonly key: StoredKey }
  /**
   * Push-pull. It begins with a digest of the member list and no claims; where that differs, claims follow, both
   * ways.
   */
  | { readonly type: 'members'; readonly digest: ViewHash; readonly claims: readonly Claim[] }
  /** Join these. `received`: places in the list of those of which the receiver had received all values before. */
  | {
      readonly type: 'deliver'
      readonly why: Reason
      readonly entries: readonly KeyedRecord[]
      readonly received: readonly number[]
    }
  /**
   * One step of a reconciliation (see `core/merkle`). `scope`: the partitions it is about; null for those that are due
   * between the two in every exchange (`Routing.dueTo`). The first step of a session begins it anew.
   */
  | {
      readonly type: 'reconcile'
      readonly session: number
      readonly scope: readonly Partition[] | null
      readonly body: Uint8Array
    }
  /** The records of keys with these hashes, 16 bytes each. */
  | { readonly type: 'fetch'; readonly hashes: Uint8Array }
  /** Records are about to move, in this session; the reply has the terms of the other side, for the same partitions. */
  | {
      readonly type: 'terms'
      readonly session: number
      readonly of: readonly Partition[]
      readonly terms: ExchangeTerms
    }
  /**
   * You hold or cover all I have of `partitions`; and I, flushed, all you had of `back` when that session began.
   * `account` is of `partitions`; that of the reply is of `back`.
   */
  | {
      readonly type: 'settled'
      readonly session: number
      readonly partitions: readonly Partition[]
      readonly back: readonly Partition[]
      readonly account: Account
    }

export type FailureCode = 'storage-full' | 'storage-failed' | 'closed' | 'overloaded'

/** As whose an answer to a get counts: an owner's, one's who holds it for owners, or nobody's. */
export const countings = ['as nobody', 'as stand-in', 'as owner'] as const
export type Counting = (typeof countings)[number]

export type Reply =
  /** `standing` says as what the delta is stored: an owner in sync, one that is not yet, or a stand-in. */
  | { readonly type: 'stored'; readonly standing: 'owner' | 'syncing' | 'hint' }
  /**
   * `counts`: whether the answer may count for r, and as whose. `sources`: whom to ask besides, since this replica is
   * not in sync yet.
   */
  | {
      readonly type: 'record'
      readonly record: Record
      /** Up to when names may be pruned there; 0 where the replica is not in sync. */
      readonly horizon: HybridTime
      readonly counts: Counting
      readonly sources: readonly NodeId[]
    }
  | { readonly type: 'members'; readonly digest: ViewHash; readonly claims: readonly Claim[] }
  /** The next step; empty where the last one made no sense, or its session is over. */
  | { readonly type: 'reconciled'; readonly body: Uint8Array }
  /** What there is of the first `considered` hashes; the others did not fit and may be asked for again. */
  | {
      readonly type: 'records'
      readonly entries: readonly KeyedRecord[]
      readonly received: readonly number[]
      readonly considered: number
    }
  /** What was delivered is taken in. `overwritten` names what its giver holds of it and is to drop. */
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
  /** Failure detection and news; nobody replies to it as such. */
  | { readonly kind: 'swim'; readonly view: ViewHash; readonly body: SwimMessage }
  /** An introduction on its way through the mesh: to a peer that the receiver has a channel to, or is. */
  | { readonly kind: 'signal'; readonly from: PeerId; readonly to: PeerId; readonly body: string }
  /** What was to be passed on to that peer was not: here it is again. */
  | { readonly kind: 'unsignaled'; readonly to: PeerId; readonly body: string }
  /** A whole message for a node that the receiver has a channel to, or is: one hop for pairs that have none. */
  | { readonly kind: 'relay'; readonly from: NodeId; readonly to: NodeId; readonly message: Uint8Array }
  /** What was to be relayed to that node was not. */
  | { readonly kind: 'unrelayed'; readonly to: NodeId }
  /** This channel is closed because there are too many, and for no other reason. */
  | { readonly kind: 'part' }
