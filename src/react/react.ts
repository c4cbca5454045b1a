/**
 * tabring in React: a provider for the node, and one hook that shows anything live.
 *
 * Open the node in a module, never in an effect: components come and go, a node stays. `useLive` is
 * `useSyncExternalStore` underneath, so concurrent rendering shows one state at a time.
 *
 * @module tabring/react
 */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react'
import type { Live } from '../collections/live.ts'
import type { Member, Status, TabringNode } from '../node/api/tabring-node.ts'

const NodeContext = createContext<TabringNode | null>(null)

/**
 * Gives a node to the components inside. It takes the promise of `openNode` as it is. Until that resolves, `useNode`
 * gives null. If it rejects, the nearest error boundary gets the error.
 *
 * @example
 * const node = openNode({ cluster: 'shop', signaling: 'wss://signal.example' })   // at module level
 * createRoot(root).render(<TabringProvider node={node}><App /></TabringProvider>)
 */
export function TabringProvider(props: {
  readonly node: TabringNode | Promise<TabringNode> | null
  readonly children?: ReactNode
}): ReactElement {
  return createElement(NodeContext.Provider, { value: useOpened(props.node) }, props.children)
}

/** The outcome of a promise. */
type Outcome = { readonly of: unknown } & ({ readonly node: TabringNode } | { readonly error: unknown })

function useOpened(node: TabringNode | Promise<TabringNode> | null): TabringNode | null {
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  useEffect(() => {
    if (!(node instanceof Promise)) return
    let isWanted = true
    const settled = (next: Outcome) => {
      if (isWanted) setOutcome(next)
    }
    node.then(
      (opened) => settled({ of: node, node: opened }),
      (error: unknown) => settled({ of: node, error }),
    )
    return () => {
      isWanted = false
    }
  }, [node])
  if (!(node instanceof Promise)) return node
  if (outcome === null || outcome.of !== node) return null
  if ('error' in outcome) throw outcome.error
  return outcome.node
}

/**
 * The node of the nearest provider. Null while it opens, and on a server.
 *
 * @example
 * const list = useNode()?.collection(Todos).group('list-1')
 */
export function useNode(): TabringNode | null {
  return useContext(NodeContext)
}

const noStop = () => {}

/**
 * Shows a live value, and draws the component anew when it changes. Null and undefined show undefined. On a server it
 * shows the state before anything was read.
 *
 * @example
 * const view = useLive(useNode()?.collection(Todos).group('list-1').watch())
 * if (view === undefined || view.status === 'loading') return <p>Loading</p>
 */
export function useLive<V>(live: Live<V>): V
export function useLive<V>(live: Live<V> | null | undefined): V | undefined
export function useLive<V>(live: Live<V> | null | undefined): V | undefined {
  const subscribe = useCallback((changed: () => void) => (live == null ? noStop : quietly(live, changed)), [live])
  const snapshot = () => live?.current
  return useSyncExternalStore(subscribe, snapshot, snapshot)
}

/** Subscribes without the first call, which comes at once: React forbids it. */
function quietly<V>(live: Live<V>, changed: () => void): () => void {
  let isFirst = true
  const stop = live.subscribe(() => {
    if (!isFirst) changed()
  })
  isFirst = false
  return stop
}

const noMembers: readonly Member[] = []

/**
 * The members that this node knows, itself included. Empty while the node opens.
 *
 * @example
 * const here = useMembers().filter(({ reachable }) => reachable).length
 */
export function useMembers(): readonly Member[] {
  const node = useNode()
  const [members, setMembers] = useState(noMembers)
  useEffect(() => {
    if (node === null) return
    setMembers(node.members())
    const stop = node.on('members', setMembers)
    return () => {
      stop()
      setMembers(noMembers)
    }
  }, [node])
  return members
}

/** The pause between two looks at the status, ms. */
const statusEveryMs = 1_000

/**
 * The status of the node, looked at once a second. Null while the node opens.
 *
 * @example
 * const isAlone = (useStatus()?.reachable ?? 1) === 1
 */
export function useStatus(): Status | null {
  const node = useNode()
  const [status, setStatus] = useState<Status | null>(null)
  useEffect(() => {
    if (node === null) return
    const look = () => setStatus(node.status())
    look()
    const timer = setInterval(look, statusEveryMs)
    return () => {
      clearInterval(timer)
      setStatus(null)
    }
  }, [node])
  return status
}
