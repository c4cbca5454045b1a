/**
 * The failure of a request to another node (not in the paper).
 *
 * Its reason tells a coordinator if the node is out of reach, slow, or unwilling.
 */
import type { FailureCode } from '../../core/wire/messages.ts'
import { StoreFailure } from '../../ports.ts'
import { storageCodes } from '../api/operations.ts'
import type { TraceFailure } from '../api/trace.ts'

/**
 * The reason why a request got no answer. `refused`: the peer said so, with a code. The request may have taken effect
 * all the same.
 */
export class RequestFailure extends Error {
  readonly reason: 'unreachable' | 'silent' | 'refused'
  readonly code: FailureCode | null

  constructor(reason: 'unreachable' | 'silent' | 'refused', code: FailureCode | null = null) {
    super(code === null ? reason : `${reason}: ${code}`)
    this.reason = reason
    this.code = code
  }
}

/** The reason of a failure, as the trace tells it. */
export function failureOf(error: unknown): TraceFailure {
  if (error instanceof RequestFailure) return error.code ?? error.reason
  return error instanceof StoreFailure ? storageCodes[error.reason] : 'failed'
}
