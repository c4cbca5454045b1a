/**
 * Slots whose tabs are gone. A tab that was closed leaves a database behind, with hints, and perhaps with writes that
 * nobody else has. If no tab has taken the slot again after about a minute, one that lives opens its node beside its
 * own, which hands everything over and leaves for good.
 *
 * One that cannot be handed over keeps no other back: the least recently tried is next, and each waits longer after
 * each failure. To the others the node stays as absent as it was: a try that fails must not begin its grace anew.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import type { Self } from '../membership/boot.ts'
import type { Membership } from '../membership/membership.ts'
import { repeat } from '../scheduling/timers.ts'

/** What a free slot has come to. */
interface Tries {
  readonly failures: number
  /** When it was tried last, or was first seen to be free. */
  readonly lastAt: number
}

/**
 * Has one slot at a time handed over, until the returned function is called. `orphans`: those without a tab now. What
 * could not be handed over is tried again.
 */
export function adoptOrphans(
  clock: Clock,
  chance: () => number,
  orphans: () => Promise<readonly string[]>,
  handOver: (slot: string) => Promise<void>,
): () => void {
  /** Slots that were free at the last look. */
  const known = new Map<string, Tries>()
  return repeat(clock, bounds.adoptAfterMs, chance, async () => {
    const free = await orphans().catch(() => null)
    if (free === null) return
    for (const slot of known.keys()) if (!free.includes(slot)) known.delete(slot)
    const due = nextSlot(known, clock.now())
    for (const slot of free) if (!known.has(slot)) known.set(slot, { failures: 0, lastAt: clock.now() })
    if (due === undefined) return
    const failures = known.get(due)?.failures ?? 0
    await handOver(due).then(
      () => known.delete(due),
      () => known.set(due, { failures: failures + 1, lastAt: clock.now() }),
    )
  })
}

/** The slot to be tried now: of those that have waited long enough the least recently tried. */
function nextSlot(known: ReadonlyMap<string, Tries>, now: number): string | undefined {
  const isDue = ({ failures, lastAt }: Tries) => failures === 0 || now - lastAt >= retryMs(failures)
  const due = [...known].filter(([, tries]) => isDue(tries)).sort(([, a], [, b]) => a.lastAt - b.lastAt)
  return due[0]?.[0]
}

const retryMs = (failures: number): number =>
  Math.min(bounds.adoptAfterMs * 2 ** (failures - 1), bounds.adoptRetryMsMax)

/**
 * What a node says of itself: nothing new where it only hands everything over, by all that its adopter believes of it.
 */
export function stillAbsent(self: Self, adopter: { readonly membership: Membership } | null): Self {
  if (adopter === null) return self
  const status = adopter.membership.view.get(self.own.node)?.status === 'out' ? 'out' : 'away'
  return { ...self, own: { ...self.own, status } }
}
