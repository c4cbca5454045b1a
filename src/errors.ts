/**
 * The one error a user meets. Its code says what happened, `changed` whether anything was stored.
 */

/**
 * - `invalid-option`, `invalid-key`, `invalid-value`, `invalid-context`, `value-too-large`: the call makes no sense; correct it.
 * - `quorum-unreachable`: a `strict` request met fewer than r or w nodes; or nobody in reach takes the data of a node that is to leave.
 * - `timeout`: `joined` or `leave` was not done in time (gets and puts answer `quorum: false`). `aborted`: the caller gave it up.
 * - `closed`: the node has been closed, has left, or its database is gone.
 * - `unsupported`: this browser or network lacks something; the text names it.
 * - `storage-full`, `storage-failed`: the database takes no more, or does not work.
 * - `signaling-refused`: the signaling server turned us away for good. `cluster-mismatch`: a peer of the same cluster runs
 *   with another n, grace, protocol or ring. `wrong-secret`: a peer has another room key (reserved: rooms have no key yet).
 * - `overloaded`: too much is under way, here or at the nodes that were asked; or all 64 slots of this browser are taken. Try again later.
 */
export type ErrorCode =
  | 'invalid-option'
  | 'invalid-key'
  | 'invalid-value'
  | 'invalid-context'
  | 'value-too-large'
  | 'quorum-unreachable'
  | 'timeout'
  | 'aborted'
  | 'closed'
  | 'unsupported'
  | 'storage-full'
  | 'storage-failed'
  | 'signaling-refused'
  | 'cluster-mismatch'
  | 'wrong-secret'
  | 'overloaded'

/** What a failed call left behind. `unknown`: it may have taken effect, or may still (a put some replica has got). */
export type Changed = 'nothing' | 'stored' | 'unknown'

/**
 * Every failure a user can meet.
 *
 * @example
 * try { await node.put('cart', null, value, { strict: true }) } catch (error) { if (error instanceof TabringError &&
 * error.changed === 'nothing') retryLater() } // 'stored': it is kept, and handed on
 */
export class TabringError extends Error {
  override readonly name = 'TabringError'
  readonly code: ErrorCode
  readonly changed: Changed

  constructor(code: ErrorCode, message: string, changed: Changed = 'nothing', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.changed = changed
  }
}
