/**
 * Operations: the application's requests under way (not in the paper).
 *
 * Their number is bounded. An abort signal gives one up, and the end of the node ends them all.
 */
import { bounds } from '../../core/bounds.ts'
import { type Changed, TabringError } from '../../errors.ts'
import { StoreFailure } from '../../ports.ts'
import type { AbortSignalLike } from './tabring-node.ts'

/** Codes of the application's error for each failure of the store. */
export const storageCodes = { full: 'storage-full', failed: 'storage-failed', closed: 'closed' } as const

export class Operations {
  readonly #underWay = new Set<() => void>()

  /** Runs one request. The promise settles with its result or a `TabringError`, in every case. */
  run<T>(signal: AbortSignalLike | undefined, changed: Changed, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted === true) {
      return Promise.reject(new TabringError('aborted', 'the request was aborted before it began', 'nothing'))
    }
    if (this.#underWay.size >= bounds.operationsMax) {
      const text = `${bounds.operationsMax} requests are under way already. Nothing was changed; try again when some are done.`
      return Promise.reject(new TabringError('overloaded', text))
    }
    return new Promise((resolve, reject) => {
      const abort = () => reject(new TabringError('aborted', 'the request was aborted', changed))
      const close = () => reject(new TabringError('closed', 'the node was closed meanwhile', changed))
      signal?.addEventListener('abort', abort)
      this.#underWay.add(close)
      work()
        .then(resolve, (error: unknown) => reject(typed(error, changed)))
        .finally(() => {
          this.#underWay.delete(close)
          signal?.removeEventListener('abort', abort)
        })
    })
  }

  /** Ends all requests under way, with the node. */
  end(): void {
    for (const close of this.#underWay) close()
    this.#underWay.clear()
  }
}

function typed(error: unknown, changed: Changed): unknown {
  if (!(error instanceof StoreFailure)) return error
  return new TabringError(storageCodes[error.reason], error.message, changed, error)
}
