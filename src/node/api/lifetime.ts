/**
 * The lifetime of a node: open, leaving, closed or left (not in the paper).
 *
 * The request handler, the timers and the public methods ask for it.
 */
import { TabringError } from '../../errors.ts'
import type { Status } from './tabring-node.ts'

export class Lifetime {
  state: Status['state'] = 'open'
  /** True while the node leaves: it takes nothing in any more. */
  isClosing = false

  get isOpen(): boolean {
    return this.state === 'open'
  }

  /** Throws `closed` unless the node is open and not about to leave. */
  assertOpen(): void {
    if (!this.isOpen || this.isClosing)
      throw new TabringError('closed', `this node has been closed (${this.state}). Nothing was changed.`)
  }
}
