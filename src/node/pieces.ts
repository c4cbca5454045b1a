/**
 * Long work in pieces, so that a page stays responsive meanwhile.
 */
import { bounds } from '../core/bounds.ts'
import type { Clock } from '../ports.ts'

/** Does one piece after the other; where they have taken long enough for one task, the host does first what else is due. */
export async function inPieces(clock: Clock, pieces: Iterable<void>): Promise<void> {
  let since = clock.now()
  for (const _ of pieces) {
    if (clock.now() - since < bounds.taskMs) continue
    await new Promise<void>((resolve) => clock.after(0, resolve))
    since = clock.now()
  }
}
