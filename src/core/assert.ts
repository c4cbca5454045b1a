/**
 * Invariants. A failure here is a bug in tabring, never a user's mistake and never a peer's.
 */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws when `condition` does not hold. The text says what should have been true. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`invariant broken: ${invariant}`)
}

/** The value, which by an invariant is there. */
export function present<T>(value: T | undefined | null, invariant: string): T {
  assert(value !== undefined && value !== null, invariant)
  return value
}
