/**
 * Slot notes: a few words about a slot, kept beside its database (not in the paper).
 *
 * They name the node that was in it, and count the failures of its database. A database that is gone, or fails for
 * good, cannot tell so itself. One that fails for a moment looks the same at first, and may hold the only copy of some
 * data. So it is given up only after repeated failures over some time.
 */
import { bounds } from '../core/bounds.ts'

/** The used part of the DOM's local storage. It may throw if a browser has switched it off. */
export interface Notes {
  getItem(name: string): string | null
  setItem(name: string, text: string): void
  removeItem(name: string): void
}

const troubleOf = (database: string): string => `${database}:failed`

/** Notes the node that a database belongs to. Returns the node that was noted before. */
export function noteNode(notes: Notes, database: string, id: string): string | null {
  try {
    const before = notes.getItem(database)
    notes.setItem(database, id)
    notes.removeItem(troubleOf(database))
    return before
  } catch {
    // This browser keeps no notes, so the former node is unknown.
    return null
  }
}

/** The node has left. Its database is gone on purpose, and no data is lost. */
export function forgetSlot(notes: Notes, database: string): void {
  try {
    notes.removeItem(database)
    notes.removeItem(troubleOf(database))
  } catch {
    // There are no notes to remove.
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
 * Notes that a database has failed to open at `wallMs`, ms since 1970. Returns true if it has failed often and long
 * enough to be given up. If the clock was set back, the count begins anew.
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

/** Its node gave it up after a long failure. One more failure at opening is then enough. */
export function noteGivenUp(notes: Notes, database: string, wallMs: number): void {
  try {
    notes.setItem(troubleOf(database), `${bounds.storageFailuresMin} ${wallMs - bounds.storageGivenUpMs}`)
  } catch {
    // Without the note the database has to fail some more times.
  }
}
