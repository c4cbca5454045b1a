/**
 * The lifetime of a node: open, leaving, closed or left (not in the paper).
 *
 * The request handler, the timers and the public methods ask for it.
 */
import type { Status } from './tabring-node.ts'

export class Lifetime {
  state: Status['state'] = 'open'
  /** True while the node leaves: it takes nothing in any more. */
  isClosing = false

  get isOpen(): boolean {
    return this.state === 'open'
  }
}
