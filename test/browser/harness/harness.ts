/**
 * The page of the browser tests: a tab that does nothing until a test tells it to. It uses the public surface, and may have what takes
 * minutes happen within seconds.
 */
import { bounds } from '../../../src/core/bounds.ts'
import { type NodeOptions, openNode, TabringError, type TabringNode } from '../../../src/index.ts'

/** What a call came to: its result, or its typed error. */
type Outcome = { readonly ok: unknown } | { readonly code: string; readonly changed: string; readonly message: string }

export interface Harness {
  node: TabringNode | undefined
  /** Names of events that came, with their number. */
  readonly events: Record<string, number>
  open(options: NodeOptions): Promise<string>
  /** Another figure instead of one of the bounds. */
  bound(name: keyof typeof bounds, value: number): void
  /** Runs `work` and says how it ended, errors included. */
  outcome(work: () => Promise<unknown>): Promise<Outcome>
}

const harness: Harness = {
  node: undefined,
  events: {},
  open: async (options) => {
    const node = await openNode(options)
    for (const event of ['members', 'repair', 'handoff', 'data-loss', 'storage', 'signaling', 'connection'] as const) {
      node.on(event, () => {
        harness.events[event] = (harness.events[event] ?? 0) + 1
      })
    }
    harness.node = node
    return node.id
  },
  bound: (name, value) => Object.assign(bounds, { [name]: value }),
  outcome: async (work) => {
    try {
      return { ok: await work() }
    } catch (error) {
      if (error instanceof TabringError) return { code: error.code, changed: error.changed, message: error.message }
      return { code: 'not a TabringError', changed: 'unknown', message: String(error) }
    }
  },
}
Object.assign(window, { harness })
