/**
 * Long work in pieces, so that a page stays responsive meanwhile.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'

/**
 * Does one piece after the other; where they have taken long enough for one task, the host does first what else is
 * due.
 */
export async function inTimeSlices<T>(clock: Clock, pieces: Iterator<void, T>): Promise<T> {
  for (let since = clock.now(); ; ) {
    const { done, value } = pieces.next()
    if (done) return value
    if (clock.now() - since < bounds.taskMs) continue
    await new Promise<void>((resolve) => clock.after(0, resolve))
    since = clock.now()
  }
}
