/**
 * The page of the browser tests: a tab that does nothing until a test tells it to. It uses the public surface, may have
 * what takes minutes happen within seconds, and counts what the node asks of others.
 */
import { bounds } from '../../../src/core/bounds.ts'
import {
  type Collection,
  defineCollection,
  definePresence,
  type Group,
  type NodeOptions,
  openNode,
  type Presence,
  TabringError,
  type TabringNode,
} from '../../../src/index.ts'
import { counter, fields } from '../../../src/merge/merge.ts'
import { Traffic } from '../../scenarios/traffic.ts'
import { cutOff, watchConnections, withOneCertificate } from './lines.ts'
import { countUp, type Row, Watching, type Written } from './watching.ts'

/** What a call came to: its result, or its typed error. */
type Outcome = { readonly ok: unknown } | { readonly code: string; readonly changed: string; readonly message: string }

/** The rows that tests of views write. */
export interface Todo {
  readonly title: string
  readonly votes: number
}
const Todos = defineCollection<Todo>('todos', { merge: fields<Todo>({ votes: counter() }) })
const Cursors = definePresence<{ readonly at: number; readonly sent: number }>('cursors')

export interface Harness {
  node: TabringNode | undefined
  todos(): Collection<Todo>
  /** Watches rows from now on, and looks at them all so often. */
  watch(rows: readonly Row[], everyMs: number): void
  watching: Watching | undefined
  countUp(rows: readonly Row[], how: Parameters<typeof countUp>[2]): Promise<readonly Written[]>
  /** A group of the tab's node. */
  list(name: string): Group<Todo>
  /** The tab's presence. The first call enters it. */
  here(): Presence<{ readonly at: number; readonly sent: number }>
  /** Names of events that came, with their number. */
  readonly events: Record<string, number>
  /** Keys of which a `late` event told. */
  readonly late: string[]
  open(options: NodeOptions): Promise<string>
  /** Another figure instead of one of the bounds. */
  bound(name: keyof typeof bounds, value: number): void
  /** Has the tab known by one certificate, before it opens its node. Returns the fingerprint. */
  withOneCertificate(): Promise<string>
  /** Ends what there is with tabs of these fingerprints, for good. */
  cutOff(fingerprints: readonly string[]): void
  /** Counts from now on what the node asks of others and is answered, gossip aside. */
  count(): Traffic
  /** Runs `work` and says how it ended, errors included. */
  outcome(work: () => Promise<unknown>): Promise<Outcome>
}

function nodeOf(): TabringNode {
  if (harness.node === undefined) throw new Error('the tab has opened its node')
  return harness.node
}

const harness: Harness = {
  node: undefined,
  todos: () => nodeOf().collection(Todos),
  watching: undefined,
  watch: (rows, everyMs) => {
    harness.watching = new Watching(harness.todos(), rows, everyMs)
  },
  countUp: (rows, how) => countUp(harness.todos(), rows, how),
  list: (name) => nodeOf().collection(Todos).group(name),
  here: () => nodeOf().presence(Cursors, { at: 0, sent: 0 }),
  events: {},
  late: [],
  open: async (options) => {
    const node = await openNode(options)
    for (const event of ['members', 'repair', 'handoff', 'data-loss', 'storage', 'signaling', 'connection'] as const) {
      node.on(event, () => {
        harness.events[event] = (harness.events[event] ?? 0) + 1
      })
    }
    node.on('late', ({ key }) => harness.late.push(key))
    harness.node = node
    return node.id
  },
  bound: (name, value) => Object.assign(bounds, { [name]: value }),
  withOneCertificate,
  cutOff,
  count: () => new Traffic(harness.node === undefined ? [] : [harness.node]),
  outcome: async (work) => {
    try {
      return { ok: await work() }
    } catch (error) {
      if (error instanceof TabringError) return { code: error.code, changed: error.changed, message: error.message }
      return { code: 'not a TabringError', changed: 'unknown', message: String(error) }
    }
  },
}
watchConnections()
Object.assign(window, { harness })
