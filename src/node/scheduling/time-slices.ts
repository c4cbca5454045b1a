/**
 * Long work in slices, so that the page stays responsive (not in the paper).
 *
 * One task of the host runs slices for `bounds.taskMs`. Then the host does other work that is due.
 */
import { bounds } from '../../core/bounds.ts'
import type { Clock } from '../../ports.ts'

/** Runs the slices of `pieces` and resolves with its result. After `bounds.taskMs` it lets the host run other tasks. */
export async function inTimeSlices<T>(clock: Clock, pieces: Iterator<void, T>): Promise<T> {
  for (let since = clock.now(); ; ) {
    const { done, value } = pieces.next()
    if (done) return value
    if (clock.now() - since < bounds.taskMs) continue
    await new Promise<void>((resolve) => clock.after(0, resolve))
    since = clock.now()
  }
}
