/**
 * The keys of simulated clients as they are stored, and names of writes.
 */
import type { ActorId, StoredKey } from '../../src/core/ids.ts'
import { storedKey } from '../../src/core/stored-key.ts'
import type { Dot } from '../../src/core/versioning/causal-history.ts'

export const keyNamed = (key: string): StoredKey => storedKey({ collection: '', group: null, key })

/** Numbers of keys that fall in four partitions, ten in each. */
const manyKeys: readonly (readonly number[])[] = [
  [247, 853, 1024, 1406, 1759, 1823, 2032, 2322, 2500, 2666],
  [50, 165, 536, 1118, 1224, 1379, 2011, 2025, 2428, 2891],
  [1156, 1348, 1387, 1640, 1925, 2297, 2385, 2660, 2906, 2978],
  [53, 303, 608, 975, 1038, 1090, 2344, 2477, 3057, 3241],
]

/** Beside the few keys that all clients fight for: forty that have their partitions in common. */
export const manyNames: readonly string[] = manyKeys.flat().map((number) => `many ${number}`)

/** Numbers of keys that fall in one partition, more than one leaf of a trie holds. */
const crowdedKeys: readonly number[] = [
  0, 2421, 3046, 4988, 5200, 5652, 6976, 7085, 9699, 10179, 11336, 12424, 14604, 14848, 15385, 16340, 16838, 17684,
  18068, 19404, 21526, 22537, 23565, 23912, 24717, 25112, 25627, 25743, 26145, 26484, 26789, 26906, 29252, 29320, 29356,
  29721, 29919, 30966, 31279, 31940, 32126, 32167, 32807, 33529, 34137, 35188, 37235, 37269, 37950, 38345, 39871, 40342,
  40530, 42257, 45057, 46379, 48766, 50446, 51045, 54971, 57256, 57260, 57621, 58904, 62746, 62911, 64501, 65394, 67077,
  67452, 72316, 72569, 72665, 72904, 74082, 74622, 75857, 76050, 77033, 79240, 79524, 80001, 80224, 81392, 81744, 81836,
  82162, 82611, 82741, 83364, 84168, 84296, 85723, 85954, 86826, 87193,
]

/** Names of many keys: some in one partition, the others in any. */
export const fillerNames = (count: number): readonly string[] => [
  ...crowdedKeys.map((number) => `crowd ${number}`),
  ...Array.from({ length: Math.max(0, count - crowdedKeys.length) }, (_, index) => `filler ${index}`),
]

/** The dot with this name. */
export function dotNamed(name: string): Dot {
  const [actor, counter] = name.split(':')
  return { actor: actor as ActorId, counter: Number(counter) }
}
