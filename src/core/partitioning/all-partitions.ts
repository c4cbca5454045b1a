/**
 * Every partition of the ring, in order (Dynamo, section 6.2: Q equal partitions).
 *
 * The list is made once. Ownership, exchanges and scrubbing walk it.
 */
import { bounds } from '../bounds.ts'
import type { Partition } from '../ids.ts'

export const allPartitions: readonly Partition[] = Array.from(
  { length: bounds.partitions },
  (_, index) => index as Partition,
)
