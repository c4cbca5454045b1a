/**
 * What a replica is given, what it answers with, and what it tells.
 */

import type { Origin } from '../../core/acceptance/acceptance.ts'
import type { HybridTime, NodeId, Partition, StoredKey } from '../../core/ids.ts'
import { type Dot, dotName } from '../../core/versioning/causal-history.ts'
import { join, type Record, type Sibling } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { StoreFailure } from '../../ports.ts'
import type { HintLimits } from '../api/config.ts'
import type { Kept } from './hint-index.ts'
import type { KeyChange } from './rows.ts'

/** A record to take in, and whom it is also owed to. */
export interface Incoming extends KeyedRecord {
  readonly hintFor: readonly NodeId[]
  /** Siblings of the record that this node had received before: then it has had those that it lacks. */
  readonly received?: readonly Sibling[]
}

/** One record for each key: two would each join the row that was there before, and one of them would be lost. */
export function foldedByKey(incoming: readonly Incoming[]): readonly Incoming[] {
  const folded = new Map<StoredKey, Incoming>()
  for (const entry of incoming) {
    const known = folded.get(entry.key)
    folded.set(entry.key, known === undefined ? entry : fold(known, entry))
  }
  return [...folded.values()]
}

const fold = (a: Incoming, b: Incoming): Incoming => ({
  key: a.key,
  record: join(a.record, b.record),
  hintFor: [...a.hintFor, ...b.hintFor],
  received: [...(a.received ?? []), ...(b.received ?? [])],
})

/** What a key looks like from here: own record and hints joined. */
export interface Local {
  readonly record: Record
  /** Whether hints of the key are kept here. */
  readonly hinted: boolean
  /** Whether there should be a record here, and there is none that can be read. */
  readonly isLost: boolean
}

/** Events of the local store. The table of reactions says what follows from each; until then nothing does. */
export class StorageEvents {
  /** A stored row could not be read, or one dot came with two values. */
  corrupt: (what: string) => void = () => {}
  /** A record of a partition changed. */
  written: (partition: Partition) => void = () => {}
  /** The store has taken something in, or has failed. */
  storageWas: (state: 'ok' | 'full' | 'failed') => void = () => {}
  /** A record has more siblings than it should. */
  crowded: (key: StoredKey, siblings: number) => void = () => {}
}

export interface ReplicaLimits {
  /** Siblings of one record, beyond which it is crowded. */
  readonly siblingsMax: number
  /** How long values are kept that have expired, ms. */
  readonly expiredKeptMs: number
  readonly hints: HintLimits
}

/** Waits for the store, and tells where it fails. */
export async function watched<T>(on: Pick<StorageEvents, 'storageWas'>, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreFailure && error.reason !== 'closed') on.storageWas(error.reason)
    throw error
  }
}

/** Tells of dots that name two values. */
export function reportReuse(on: Pick<StorageEvents, 'corrupt'>, key: StoredKey, dots: readonly Dot[]): void {
  for (const dot of dots) on.corrupt(`dot ${dotName(dot)} of ${key} names two values`)
}

/**
 * Who was asked for a write: this node itself, which keeps it whatever it keeps already, or another one, which may
 * ask elsewhere.
 */
export type Asked = 'this node' | 'another'

/** Where records come from, and up to when each side may have pruned names. */
export interface Coming {
  readonly origin: Origin
  readonly floorOf: (partition: Partition) => HybridTime
  readonly giverFloorOf: (partition: Partition) => HybridTime
  /** Whether this node still has, or has had overwritten, all it said that it had received of a partition. */
  readonly isKept: (partition: Partition) => boolean
}

/** What taking in came to. */
export interface Taken {
  /** Names of what the giver holds and is to drop. */
  readonly overwritten: readonly KeyedRecord[]
}

/** What becomes of records that are taken in, in one transaction. */
export class Intake implements Taken {
  readonly changes: KeyChange[] = []
  readonly hinted: Map<StoredKey, Kept> = new Map()
  readonly crowded: Map<StoredKey, number> = new Map()
  readonly late: Map<StoredKey, readonly Sibling[]> = new Map()
  readonly overwritten: KeyedRecord[] = []
}
