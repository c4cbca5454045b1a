/**
 * The node that the guide's `main` files open: it stands in for `node.ts` of an application.
 */
import type { TabringNode } from '../../src/index.ts'

export let opening: Promise<TabringNode> | null = null

/** The next `main` file that is imported gets this node. */
export function opens(node: TabringNode): void {
  opening = Promise.resolve(node)
}
