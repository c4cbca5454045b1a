/**
 * The one error that an application meets. `code` says what happened, and `changed` says if anything was stored.
 *
 * The message is for people; programs decide by the two fields.
 */

/**
 * The causes of a failure.
 *
 * - `invalid-option`, `invalid-key`, `invalid-value`, `invalid-context`, `value-too-large`: the call makes no sense;
 *   correct it.
 * - `quorum-unreachable`: a `strict` request reached fewer nodes, owners or devices than it demands. Or no node in
 *   reach takes the data of a node that is to leave.
 * - `timeout`: `joined` or `leave` was not done in time. (Gets and puts answer `quorum: false`.)
 * - `aborted`: the caller gave the request up.
 * - `closed`: the node was closed, has left, or lost its database.
 * - `unsupported`: this browser or network lacks something; the text names it.
 * - `storage-full`, `storage-failed`: the database takes no more, or does not work.
 * - `signaling-refused`: the signaling server refuses this tab for good.
 * - `cluster-mismatch`: a peer of the same cluster runs with another n, grace, protocol or ring.
 * - `wrong-secret`: a peer has another room key (reserved: rooms have no key yet).
 * - `overloaded`: too much is under way, here or at the nodes that were asked. Or all 64 slots of this browser are
 *   taken. Try again later.
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

/**
 * The effect of a failed call. `unknown`: it may have taken effect, or may still do so (a replica may have the put).
 */
export type Changed = 'nothing' | 'stored' | 'unknown'

/**
 * Every failure that an application can meet.
 *
 * @example
 * try { await node.put('cart', null, value, { strict: true }) } catch (error) {
 *   // 'stored' would mean: this node or another keeps the value, and hands it on.
 *   if (error instanceof TabringError && error.changed === 'nothing') retryLater()
 * }
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
