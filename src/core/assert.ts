/**
 * Invariants: conditions that the code of tabring guarantees by itself.
 *
 * A failure is a bug in tabring. A mistake of an application or of a peer never causes one.
 */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws an `AssertionError` when `condition` does not hold. `invariant` says what should have been true. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`invariant broken: ${invariant}`)
}

/** The value, which an invariant promises. Throws an `AssertionError` where it is undefined or null. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  assert(value !== undefined && value !== null, invariant)
  return value
}
