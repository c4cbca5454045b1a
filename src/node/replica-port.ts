/**
 * What a replica is given, what it answers with, and whom it tells.
 */
import type { HybridTime, NodeId, Partition, StoredKey } from '../core/ids.ts'
import type { Record } from '../core/versioning/record.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import type { Write } from '../ports.ts'
import type { Forgetting } from './forgetting.ts'
import type { HintLimits, Kept } from './hint-tally.ts'
import type { KeyChange } from './rows.ts'

/** A record to take in, and whom it is also owed to. */
export interface Incoming extends KeyedRecord {
  readonly hintFor: readonly NodeId[]
}

/** What a key looks like from here: own record and hints joined. */
export interface Local {
  readonly record: Record
  /** Whether hints of the key are kept here. */
  readonly hinted: boolean
}

export interface ReplicaHandlers {
  /** A stored row could not be read, or one dot came with two values. */
  corrupt(what: string): void
  /** Times of writes that came by, for the hybrid clock. */
  timeSeen(time: HybridTime): void
  /** A record of a partition changed. */
  written(partition: Partition): void
  /** Records of a partition are lost, or are dropped. Returns what is to be written with that. */
  lost(partition: Partition): Write
  /** The store has taken something in, or has failed. */
  storageWas(state: 'ok' | 'full' | 'failed'): void
  /** A record has more siblings than it should. */
  crowded(key: StoredKey, siblings: number): void
}

export interface ReplicaLimits {
  /** Siblings of one record, beyond which it is crowded. */
  readonly siblingsMax: number
  /** How long values are kept that have expired, ms. */
  readonly expiredKeptMs: number
  readonly hints: HintLimits
}

/** Who was asked for a write: this node itself, which keeps it whatever it keeps already, or another one, which may ask elsewhere. */
export type Asked = 'this node' | 'another'

/** Whether what comes is a write on its way, which may be late, or what another replica knows. */
export type Coming = 'written' | 'moved'

/** What taking in came to. */
export interface Taken {
  /** Keys of writes that came too late for an owner; as hints they are kept all the same. */
  readonly late: readonly StoredKey[]
  /** The times of these writes, and of those orphaned, are not later. */
  readonly until: HybridTime
  /** What is said of keys of which nothing is left here, because all that came was overwritten long ago. */
  readonly covering: readonly KeyedRecord[]
  /** What is here and nobody else was given, and what came takes for overwritten long ago: it was not taken in. */
  readonly orphaned: readonly KeyedRecord[]
}

/** How far the past of a partition may be forgotten. */
export type Ages = Pick<Forgetting, 'horizonOf' | 'limitsFor' | 'givenUpTo'>

/** What becomes of records that are taken in, in one transaction. */
export class Intake implements Taken {
  readonly changes: KeyChange[] = []
  readonly hinted: Map<StoredKey, Kept> = new Map()
  readonly crowded: Map<StoredKey, number> = new Map()
  readonly late: StoredKey[] = []
  readonly covering: KeyedRecord[] = []
  readonly orphaned: KeyedRecord[] = []
  until: HybridTime = 0 as HybridTime
}
