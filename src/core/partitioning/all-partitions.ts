/**
 * Every partition of the ring, in order.
 */
import { bounds } from '../bounds.ts'
import type { Partition } from '../ids.ts'

export const allPartitions: readonly Partition[] = Array.from(
  { length: bounds.partitions },
  (_, index) => index as Partition,
)
