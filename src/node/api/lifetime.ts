/**
 * How far the life of a node has come. The request handler, the timers and the public methods ask it.
 */
import type { Status } from './tabring-node.ts'

export class Lifetime {
  state: Status['state'] = 'open'
  /** The node leaves: it takes nothing in any more. */
  isClosing = false

  get isOpen(): boolean {
    return this.state === 'open'
  }
}
