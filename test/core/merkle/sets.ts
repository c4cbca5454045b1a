/**
 * Sets of items for tests and measurements: keys and versions are bytes of a seeded generator, as hashes are.
 */
import { hashBytes } from '../../../src/core/hash.ts'
import type { Partition } from '../../../src/core/ids.ts'
import type { Answering } from '../../../src/core/merkle/answering.ts'
import type { Asking } from '../../../src/core/merkle/asking.ts'
import { Forest, type ForestView } from '../../../src/core/merkle/forest.ts'
import type { Differences, Item } from '../../../src/core/merkle/reconciliation.ts'
import { seededRandom } from '../../../src/memory/seeded-random.ts'

export const allPartitions: readonly Partition[] = Array.from({ length: 1024 }, (_, index) => index as Partition)

export function itemsOf(count: number, seed: number): readonly Item[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => ({ key: random.bytes(hashBytes), version: random.bytes(hashBytes) }))
}

export function forestOf(items: Iterable<Item>, hash?: (bytes: Uint8Array) => Uint8Array): Forest {
  const forest = new Forest(hash)
  for (const { key, version } of items) forest.set(key, version)
  return forest
}

export const viewOf = (items: Iterable<Item>): ForestView => forestOf(items).view(allPartitions)

/** Two sets of `count` keys: of `different` ones half are stale, a quarter is missing on each side. */
export function pairOf(count: number, different: number, seed: number): readonly [readonly Item[], readonly Item[]] {
  const items = itemsOf(count, seed)
  const random = seededRandom(seed + 1_000_003)
  const stale = Math.ceil(different / 2)
  const onlyLeft = Math.floor((different - stale) / 2)
  const changed = items.slice(0, stale).map(({ key }) => ({ key, version: random.bytes(hashBytes) }))
  const left = [...items.slice(0, stale + onlyLeft), ...items.slice(different)]
  const right = [...changed, ...items.slice(stale + onlyLeft, different), ...items.slice(different)]
  return [left, right]
}

export interface Cost {
  readonly bytes: number
  /** Round trips until the asking side can act on every difference. */
  readonly roundTrips: number
  readonly messages: number
}

/** Lets two sides talk until the asking one is done. */
export function talk(asking: Asking, answering: Answering, kind: 'probe' | 'whole' = 'whole'): Cost {
  let [bytes, messages, roundTrips] = [0, 0, 0]
  for (let question = asking.begin(kind); ; ) {
    const answer = answering.answer(question)
    if (answer === null) throw new Error('the question made no sense')
    bytes += question.length + answer.length
    messages += 2
    // The last round trip only fetches what was found, for the proof.
    if (!asking.isFetching) roundTrips += 1
    const next = asking.next(answer)
    if (next === null) throw new Error('the answer made no sense')
    if (next === 'over') return { bytes, roundTrips, messages }
    question = next
  }
}

/** What the asking side has found, once it is done; null if it cannot be proved. */
export function differencesOf(asking: Asking): Differences | null {
  const proving = asking.differences()
  for (;;) {
    const { done, value } = proving.next()
    if (done) return value
  }
}
