/**
 * Slots whose tabs are gone. A tab that was closed leaves a database behind, with hints, and perhaps with writes that nobody else has.
 * If no tab has taken the slot again after about a minute, one that lives opens its node beside its own, which hands everything over
 * and leaves for good.
 */
import { bounds } from '../core/bounds.ts'
import type { Clock } from '../ports.ts'
import { repeat } from './deadline.ts'

/**
 * Has one slot at a time handed over, until the returned function is called. `orphans`: those without a tab now. What could not be
 * handed over is tried again.
 */
export function adoptOrphans(
  clock: Clock,
  chance: () => number,
  orphans: () => Promise<readonly string[]>,
  handOver: (slot: string) => Promise<void>,
): () => void {
  let before: readonly string[] = []
  return repeat(clock, bounds.adoptAfterMs, chance, async () => {
    const free = await orphans().catch(() => [])
    const due = free.find((slot) => before.includes(slot))
    before = free
    if (due !== undefined) await handOver(due).catch(() => {})
  })
}
