/**
 * The keys of simulated clients as they are stored, and names of writes.
 */
import type { ActorId, StoredKey } from '../../src/core/ids.ts'
import type { Dot } from '../../src/core/versioning/causal-history.ts'
import { storedKey } from '../../src/core/versioning/stored-key.ts'

export const keyNamed = (key: string): StoredKey => storedKey({ collection: '', key })

/** Numbers of keys that fall in four partitions, ten in each. */
const manyKeys: readonly (readonly number[])[] = [
  [247, 853, 1024, 1406, 1759, 1823, 2032, 2322, 2500, 2666],
  [50, 165, 536, 1118, 1224, 1379, 2011, 2025, 2428, 2891],
  [1156, 1348, 1387, 1640, 1925, 2297, 2385, 2660, 2906, 2978],
  [53, 303, 608, 975, 1038, 1090, 2344, 2477, 3057, 3241],
]

/** Beside the few keys that all clients fight for: forty that have their partitions in common. */
export const manyNames: readonly string[] = manyKeys.flat().map((number) => `many ${number}`)

/** The dot with this name. */
export function dotNamed(name: string): Dot {
  const [actor, counter] = name.split(':')
  return { actor: actor as ActorId, counter: Number(counter) }
}
