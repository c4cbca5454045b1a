/**
 * Invariants: conditions that the code of tabring guarantees by itself.
 *
 * A failure is a bug in tabring. A mistake of an application or of a peer never causes one.
 */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** The part of a browser that tells a page of errors. Node has no such function. */
interface Reporting {
  readonly reportError?: (error: unknown) => void
}

/**
 * Throws an `AssertionError` when `condition` does not hold, and reports it to the page: callers try again after any
 * error, and would keep this one to themselves. `invariant` says what should have been true.
 */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (condition) return
  const error = new AssertionError(`invariant broken: ${invariant}`)
  ;(globalThis as Reporting).reportError?.(error)
  throw error
}

/** The value, which an invariant promises. Throws an `AssertionError` where it is undefined or null. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  assert(value !== undefined && value !== null, invariant)
  return value
}
