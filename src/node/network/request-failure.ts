/**
 * How a request to another node fails.
 */
import type { FailureCode } from '../../core/wire/messages.ts'

/** Why a request got no answer. `refused`: the peer said so, with a code. Whether it took effect is unknown. */
export class RequestFailure extends Error {
  readonly reason: 'unreachable' | 'silent' | 'refused'
  readonly code: FailureCode | null

  constructor(reason: 'unreachable' | 'silent' | 'refused', code: FailureCode | null = null) {
    super(code === null ? reason : `${reason}: ${code}`)
    this.reason = reason
    this.code = code
  }
}
