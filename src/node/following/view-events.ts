/**
 * Events of a node that matter to its views (not in the paper).
 *
 * They have no effect until a collection is opened: an application without one does not carry the code of views.
 */
import type { NodeId } from '../../core/ids.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'

export class ViewEvents {
  /** An owner, or a write of this node, tells of changes. */
  told: (entries: readonly KeyedRecord[], from: NodeId | null) => void = () => {}
  /** Owners have moved, come or gone. `met`: a node that may have begun anew, and then tells nothing any more. */
  changed: (met?: NodeId) => void = () => {}
  /** This tab was asleep. */
  woke: () => void = () => {}
  /** The node has ended. */
  ended: () => void = () => {}
  /** The number of views. */
  count: () => number = () => 0
}
