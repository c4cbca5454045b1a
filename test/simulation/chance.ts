/**
 * All that is drawn by chance, from one seed.
 */
import { seededRandom } from '../../src/memory/seeded-random.ts'
import type { Random } from '../../src/ports.ts'

/** Streams of one seed, so that one more draw in one of them leaves the others as they are. */
const streams = [
  'options',
  'faults',
  'network',
  'storage',
  'nodes',
  'workload',
  'crowding',
  'profile',
  'forgetting',
] as const

/** Streams that came later: another one of these leaves all others as they are. */
const laterStreams = [
  'apart',
  'requests',
  'slowness',
  'ending',
  'browser',
  'wire',
  'mesh',
  'joining',
  'orphans',
  'watchers',
  'filler',
  'tallies',
] as const

type Stream = (typeof streams)[number] | (typeof laterStreams)[number]

/** Larger than any number that one of the first streams begins with. */
const laterFrom = 2 ** 40

function beginningOf(seed: number, stream: Stream): number {
  const later = (laterStreams as readonly Stream[]).indexOf(stream)
  if (later >= 0) return (later + 1) * laterFrom + seed
  return seed * streams.length + (streams as readonly Stream[]).indexOf(stream)
}

export class Chance {
  readonly random: Random

  constructor(seed: number, stream: Stream = 'options') {
    this.random = seededRandom(beginningOf(seed, stream))
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 32
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1))
  }

  happens(probability: number): boolean {
    return probability > 0 && this.fraction() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.fraction() * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** A delay with a long tail. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean
  }

  /** Zero most of the time, else anything up to `max`. */
  rate(max: number): number {
    return this.happens(0.5) ? 0 : this.fraction() * max
  }
}
