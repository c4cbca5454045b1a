/**
 * Replica port: the input, answers and events of a replica (Dynamo, section 5: local persistence).
 *
 * Callers and the parts of the replica share these types. Small rules that need no state stand beside them.
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

/** A record to take in. `hintFor`: the nodes for which a node that does not own the key is to keep it. */
export interface Incoming extends KeyedRecord {
  readonly hintFor: readonly NodeId[]
  /** Siblings of the record that this node had received before. Those that it lacks now were overwritten. */
  readonly received?: readonly Sibling[]
}

/** One record for each key. Two would each join the row as it was read, and one of them would be lost. */
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

/** This node's view of a key: its own record and its hint, joined. */
export interface Local {
  readonly record: Record
  /** True if a hint of the key is kept here. */
  readonly hinted: boolean
  /** True if a record should be here, and none can be read. */
  readonly isLost: boolean
}

/** Events of the local store. They have no effect until the table of reactions is in place. */
export class StorageEvents {
  /** A stored row is damaged, or one dot names two values. */
  corrupt: (what: string) => void = () => {}
  /** Records of these keys were taken in. */
  taken: (keys: readonly StoredKey[]) => void = () => {}
  /** Records of a partition were taken in, or keys in doubt were looked up. */
  written: (partition: Partition) => void = () => {}
  /** The store has taken records in, or has failed. */
  storageWas: (state: 'ok' | 'full' | 'failed') => void = () => {}
  /** A record has more siblings than `siblingsMax`. */
  crowded: (key: StoredKey, siblings: number) => void = () => {}
  /** Hints are kept, or refused for want of room, or kept for `target` no more. */
  kept: (hints: ReadonlyMap<StoredKey, Kept>) => void = () => {}
  refused: (incoming: readonly KeyedRecord[]) => void = () => {}
  struckOff: (target: NodeId, hints: readonly (readonly [StoredKey, Kept])[]) => void = () => {}
  /** The records of these partitions were deleted, since others have them. */
  dropped: (partitions: readonly Partition[]) => void = () => {}
  /** So many changed tries were stored. */
  checkpointed: (partitions: number) => void = () => {}
}

export interface ReplicaLimits {
  /** The most siblings of a record. With more it is crowded. */
  readonly siblingsMax: number
  /** The time for which expired values are kept at least, ms. */
  readonly expiredKeptMs: number
  readonly hints: HintLimits
}

/** Waits for the store, and reports its failure. A closed store is no failure. */
export async function watched<T>(on: Pick<StorageEvents, 'storageWas'>, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreFailure && error.reason !== 'closed') on.storageWas(error.reason)
    throw error
  }
}

/** Reports dots that name two values. */
export function reportReuse(on: Pick<StorageEvents, 'corrupt'>, key: StoredKey, dots: readonly Dot[]): void {
  for (const dot of dots) on.corrupt(`dot ${dotName(dot)} of ${key} names two values`)
}

/**
 * The node that asked for records to be taken in. `this node`: they are kept beyond the limits of hints. `another`: it
 * may ask a third node instead, so the limits apply.
 */
export type Asked = 'this node' | 'another'

/** The terms on which records come: their origin, and the times up to which each side may have pruned names. */
export interface Coming {
  readonly origin: Origin
  readonly floorOf: (partition: Partition) => HybridTime
  readonly giverFloorOf: (partition: Partition) => HybridTime
  /** True if each sibling of a partition that this node claimed as received is still here, or was overwritten here. */
  readonly isKept: (partition: Partition) => boolean
}

/** The result of taking records in. */
export interface Taken {
  /** Names of values that the giver holds and should drop. */
  readonly overwritten: readonly KeyedRecord[]
  /** The hints that were kept, by key. All other records joined this node's own. */
  readonly hinted: ReadonlyMap<StoredKey, Kept>
}

/** The consequences of a transaction that takes in or prunes records. */
export class Intake implements Taken {
  readonly changes: KeyChange[] = []
  readonly hinted: Map<StoredKey, Kept> = new Map()
  readonly crowded: Map<StoredKey, number> = new Map()
  /** Late values of every decision so far: an earlier one may have taken effect, and the last one finds them here. */
  readonly late: Map<StoredKey, readonly Sibling[]>
  readonly overwritten: KeyedRecord[] = []

  /** `earlier`: what the decision before found late. */
  constructor(earlier: ReadonlyMap<StoredKey, readonly Sibling[]> = new Map()) {
    this.late = new Map(earlier)
  }
}
