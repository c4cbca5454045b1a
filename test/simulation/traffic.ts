/**
 * Records that nodes send each other, counted for as long as somebody wants to know.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { hashBytes, keyHashOf } from '../../src/core/hash.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { Request } from '../../src/core/wire/messages.ts'

/** A record may go to one node so often in a ring that is idle: for a timer that was running, and once more. */
const sentMax = 2

/** Counts records that are sent, by which node, to which one. */
export class Traffic {
  readonly #counts = new Map<string, number>()
  isCounted = false

  sent(from: number, to: NodeId, request: Request): void {
    if (!this.isCounted) return
    for (const name of namesIn(request)) {
      const what = `${request.type} ${name} between place ${from} and node ${to}`
      this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    }
  }

  /** What went more often than it should. */
  get excess(): readonly (readonly [string, number])[] {
    return [...this.#counts].filter(([, count]) => count > sentMax)
  }
}

function namesIn(request: Request): readonly string[] {
  if (request.type === 'deliver') return request.entries.map(({ key }) => bytesToHex(keyHashOf(key)))
  if (request.type !== 'fetch') return []
  const { hashes } = request
  return Array.from({ length: Math.floor(hashes.length / hashBytes) }, (_, index) =>
    bytesToHex(hashes.subarray(index * hashBytes, (index + 1) * hashBytes)),
  )
}
