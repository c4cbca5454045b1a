/**
 * Adoption: a living tab hands over the data of slots whose tabs are gone (not in the paper).
 *
 * A closed tab leaves a database with hints, and perhaps with writes that no other node has. If no tab takes the slot
 * again within about a minute, a living tab opens its node beside its own. That node hands everything over and leaves
 * for good. A slot that cannot be handed over does not delay the others: the least recently tried is next, and each
 * failure lengthens its wait. To the other members the node stays as absent as it was, since a failed try must not
 * begin its grace anew.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'
import type { Self } from '../membership/boot.ts'
import type { Membership } from '../membership/membership.ts'
import { repeat } from '../scheduling/timers.ts'

/** The attempts on a free slot. */
interface Tries {
  readonly failures: number
  /** The time of the last try, or of the first look that found the slot free. */
  readonly lastAt: number
}

/**
 * Hands over one slot at a time, until the returned function is called. `orphans`: the slots without a tab now. A slot
 * that could not be handed over is tried again.
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

/** The slot to try now: the least recently tried of those that have waited long enough. */
function nextSlot(known: ReadonlyMap<string, Tries>, now: number): string | undefined {
  const isDue = ({ failures, lastAt }: Tries) => failures === 0 || now - lastAt >= retryMs(failures)
  const due = [...known].filter(([, tries]) => isDue(tries)).sort(([, a], [, b]) => a.lastAt - b.lastAt)
  return due[0]?.[0]
}

const retryMs = (failures: number): number =>
  Math.min(bounds.adoptAfterMs * 2 ** (failures - 1), bounds.adoptRetryMsMax)

/**
 * The claim of a node at its start. A node opened by an adopter claims no more than the adopter believes: it is still
 * absent.
 */
export function stillAbsent(self: Self, adopter: { readonly membership: Membership } | null): Self {
  if (adopter === null) return self
  const status = adopter.membership.view.get(self.own.node)?.status === 'out' ? 'out' : 'away'
  return { ...self, own: { ...self.own, status } }
}
