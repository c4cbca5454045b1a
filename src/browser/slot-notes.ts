/**
 * What this browser notes of a slot beside its database: which node was in it, and since when the database has failed.
 *
 * A database that is gone, and one that fails for good, cannot say so themselves. One that fails for a moment looks
 * the same at first, and what it holds may be all there is of some data: it is given up only after it has failed
 * again and again, for some time.
 */
import { bounds } from '../core/bounds.ts'

/** The part of the DOM's local storage that is used; it may throw where a browser has switched it off. */
export interface Notes {
  getItem(name: string): string | null
  setItem(name: string, text: string): void
  removeItem(name: string): void
}

const troubleOf = (database: string): string => `${database}:failed`

/** Notes the node that a database belongs to; returns the one it belonged to when it was here last. */
export function noteNode(notes: Notes, database: string, id: string): string | null {
  try {
    const before = notes.getItem(database)
    notes.setItem(database, id)
    notes.removeItem(troubleOf(database))
    return before
  } catch {
    // Nobody remembers what was here.
    return null
  }
}

/** The node has left: its database is gone for good, and nothing is lost by that. */
export function forgetSlot(notes: Notes, database: string): void {
  try {
    notes.removeItem(database)
    notes.removeItem(troubleOf(database))
  } catch {
    // Nothing was noted either.
  }
}

interface Trouble {
  readonly failures: number
  readonly since: number
}

function troubleIn(text: string | null): Trouble | null {
  const [failures = Number.NaN, since = Number.NaN] = (text ?? '').split(' ').map(Number)
  return Number.isFinite(failures) && Number.isFinite(since) && text !== null ? { failures, since } : null
}

/**
 * A database has failed to open, ms since 1970. Whether it has done so often enough, for long enough, to be given up.
 * A clock that was set back begins anew.
 */
export function hasFailedForGood(notes: Notes, database: string, wallMs: number): boolean {
  try {
    const known = troubleIn(notes.getItem(troubleOf(database)))
    const before = known !== null && known.since <= wallMs ? known : { failures: 0, since: wallMs }
    const failures = before.failures + 1
    notes.setItem(troubleOf(database), `${failures} ${before.since}`)
    return failures >= bounds.storageFailuresMin && wallMs - before.since >= bounds.storageGivenUpMs
  } catch {
    return false
  }
}

/** Its node gave it up, after it had failed for long: to fail once more, when it is opened again, is enough. */
export function noteGivenUp(notes: Notes, database: string, wallMs: number): void {
  try {
    notes.setItem(troubleOf(database), `${bounds.storageFailuresMin} ${wallMs - bounds.storageGivenUpMs}`)
  } catch {
    // It has to fail some times more.
  }
}
