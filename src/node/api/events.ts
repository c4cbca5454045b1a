/**
 * Events: listeners of the application, and events kept for the first of them (not in the paper).
 *
 * A listener that throws harms no other: its error surfaces as an unhandled rejection. Beside the events stand the counts
 * of trouble: what a node tells no caller, because it tries again or leaves it to others. `status()` shows them by kind.
 */
import { bounds } from '../../core/bounds.ts'
import { TabringError } from '../../errors.ts'
import type { NodeEvents, Status } from './tabring-node.ts'

type Listener = (event: never) => void

/**
 * Counts of what a node tells no caller, because it tries again or leaves it to others. `status()` shows them by kind,
 * so nothing fails without a trace.
 */
export type Trouble = { -readonly [Kind in keyof Status['trouble']]: number }

export const noTrouble = (): Trouble => ({
  malformed: 0,
  unsent: 0,
  storage: 0,
  hints: 0,
  exchanges: 0,
  repairs: 0,
  undecodable: 0,
  adoptions: 0,
})

const known: { readonly [E in keyof NodeEvents]: true } = {
  members: true,
  conflict: true,
  crowded: true,
  late: true,
  repair: true,
  exchange: true,
  handoff: true,
  'data-loss': true,
  storage: true,
  signaling: true,
  connection: true,
}

/** Events told to the first listener, even if they happened before it listened. */
type Kept = { readonly [E in 'data-loss' | 'late' | 'signaling']: { readonly event: E; readonly value: NodeEvents[E] } }
type Untold = Kept[keyof Kept]

const isKept = (event: keyof NodeEvents): event is keyof Kept =>
  event === 'data-loss' || event === 'late' || event === 'signaling'

/** Of each signaling server only the last state is kept. */
const isReplacedBy = (old: Untold, later: Untold): boolean =>
  old.event === 'signaling' && later.event === 'signaling' && old.value.url === later.value.url

export class Events {
  /** Counts of what no event tells. */
  readonly trouble: Trouble = noTrouble()
  #untold: Untold[] = []
  readonly #hosts: ((loss: NodeEvents['data-loss']) => void)[] = []
  readonly #listeners = new Map<keyof NodeEvents, Set<Listener>>()

  on<E extends keyof NodeEvents>(event: E, listener: (event: NodeEvents[E]) => void): () => void {
    if (!Object.hasOwn(known, event) || typeof listener !== 'function') {
      const text = `on takes one of ${Object.keys(known).join(', ')}, and a function. Nothing was changed.`
      throw new TabringError('invalid-option', text)
    }
    // A wrapper of its own for each call, so that one function may listen twice.
    const entry: Listener = (value) => listener(value)
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(entry))
    const untold = this.#untold.filter((each) => each.event === event)
    this.#untold = this.#untold.filter((each) => each.event !== event)
    for (const { value } of untold) Promise.resolve(value as never).then(entry)
    return () => {
      listeners.delete(entry)
    }
  }

  /**
   * Lets the host of the node hear every loss. The host is no listener: a loss is kept for the first listener all the
   * same.
   */
  overhear(hear: (loss: NodeEvents['data-loss']) => void): void {
    this.#hosts.push(hear)
  }

  #keep(event: Untold): void {
    this.#untold = this.#untold.filter((old) => !isReplacedBy(old, event))
    if (this.#untold.length < bounds.untoldEventsMax) this.#untold.push(event)
  }

  /** True if the application listens to the event. */
  has(event: keyof NodeEvents): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0
  }

  emit<E extends keyof NodeEvents>(event: E, value: NodeEvents[E]): void {
    if (event === 'data-loss') for (const hear of this.#hosts) hear(value as NodeEvents['data-loss'])
    const listeners = this.#listeners.get(event) ?? new Set()
    if (listeners.size === 0 && isKept(event)) this.#keep({ event, value } as Untold)
    for (const listener of listeners) {
      Promise.resolve(value as never).then(listener)
    }
  }
}
