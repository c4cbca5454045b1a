/**
 * What a fake IndexedDB knows of the tab that uses it, and what that tab's browser does to its transactions.
 */

/** How a transaction goes wrong by no fault of the page. */
export interface Failure {
  /** The name of the `DOMException`. */
  readonly name: string
  /** `behind its commit`: it has taken effect, and nobody is told so. */
  readonly when: 'before it' | 'at its commit' | 'behind its commit'
  /** The browser closes the connection besides. */
  readonly closes: boolean
}

/** How a transaction goes: how long until it may begin, how long until word of its commit comes, and what goes wrong. */
export interface Course {
  readonly startMs: number
  readonly wordMs: number
  readonly failure: Failure | null
  /** Where a full disk shows: browsers differ. */
  readonly fullAt: 'request' | 'commit'
}

/** How an opening goes. */
export interface Opening {
  /** How long until it is answered; null where it never is. */
  readonly delayMs: number | null
  /** The name of the `DOMException` with which it fails, if it does. */
  readonly refusal: string | null
}

export interface Tab {
  /** Runs a task of this tab's event loop: not while it is frozen, and never once it has ended. */
  post(delayMs: number, task: () => void): void
  readonly isAlive: boolean
  /** Another number in each task. */
  task(): number
  courseOf(mode: IDBTransactionMode): Course
  opening(): Opening
}

export const smooth: Course = { startMs: 0, wordMs: 0, failure: null, fullAt: 'commit' }
