/**
 * Records that nodes send each other, counted for as long as somebody wants to know.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { hashBytes, keyHashOf } from '../../src/core/hash.ts'
import type { NodeId, Partition } from '../../src/core/ids.ts'
import { partitionIn } from '../../src/core/merkle/forest.ts'
import type { Request } from '../../src/core/wire/messages.ts'

/**
 * A record may go to one node so often in a ring that is idle, while its owners stay the same: for a timer that was
 * running, and once more. Graces that end move owners in an idle ring too.
 */
const sentMax = 2

/**
 * A move of owners is over after so long: read repair, an exchange, and a hint that was on its way may all bring a
 * record to a new owner.
 */
const settledMs = 10_000

/** Counts records that are sent, by which node, to which one. */
export class Traffic {
  readonly #counts = new Map<string, number>()
  /** By partition: its owners as the last sender saw them, and the time since which all senders see those. */
  readonly #owners = new Map<Partition, { readonly seen: string; readonly since: number }>()
  isCounted = false
  /** Records that were sent while their owners moved. */
  moving = 0

  /** `ownersOf`: the owners of a partition as the sender sees them. */
  sent(now: number, from: number, to: NodeId, request: Request, ownersOf: (of: Partition) => readonly NodeId[]): void {
    if (!this.isCounted) return
    for (const hash of hashesIn(request)) {
      const owners = ownersOf(partitionIn(hash)).join(' ')
      if (this.#isMoving(now, partitionIn(hash), owners)) {
        this.moving += 1
        continue
      }
      const name = `${request.type} ${bytesToHex(hash)}`
      const what = `${name} between place ${from} and node ${to}, owned by ${owners}`
      this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    }
  }

  #isMoving(now: number, partition: Partition, seen: string): boolean {
    const known = this.#owners.get(partition) ?? { seen, since: Number.NEGATIVE_INFINITY }
    const last = known.seen === seen ? known : { seen, since: now }
    this.#owners.set(partition, last)
    return now - last.since < settledMs
  }

  /** What went more often than it should. */
  get excess(): readonly (readonly [string, number])[] {
    return [...this.#counts].filter(([, count]) => count > sentMax)
  }
}

function hashesIn(request: Request): readonly Uint8Array[] {
  if (request.type === 'deliver') return request.entries.map(({ key }) => keyHashOf(key))
  if (request.type !== 'fetch') return []
  const { hashes } = request
  return Array.from({ length: Math.floor(hashes.length / hashBytes) }, (_, index) =>
    hashes.subarray(index * hashBytes, (index + 1) * hashBytes),
  )
}
