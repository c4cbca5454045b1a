/**
 * Outcomes of a request, as its caller gets them (not in the paper).
 *
 * The caller gets an answer, or an error that says what has changed.
 */
import { type Changed, TabringError } from '../../errors.ts'
import { StoreFailure } from '../../ports.ts'
import { storageCodes } from '../api/operations.ts'
import type { RequestOptions } from '../api/tabring-node.ts'
import { RequestFailure } from '../network/request-failure.ts'

/** Throws if a strict request did not reach its quorum. */
export function judge(quorum: boolean, { strict }: RequestOptions, text: string, changed: Changed = 'nothing'): void {
  if (!quorum && strict === true) throw new TabringError('quorum-unreachable', text, changed)
}

/** The error of a put that no node has confirmed. */
export function putFailed(failure: unknown): TabringError {
  const refusal = failure instanceof RequestFailure ? failure.code : null
  const code = failure instanceof StoreFailure ? storageCodes[failure.reason] : refusal
  const text = 'no node has confirmed the write, and this one could not keep it. It may have reached another node.'
  return new TabringError(code ?? 'storage-failed', text, 'unknown', failure)
}
