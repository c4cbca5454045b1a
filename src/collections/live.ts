/**
 * Live values: one object for all frameworks, with the state now, a subscription, and an iterator.
 *
 * `subscribe` calls at once, so a live value is a Svelte store; it fits Solid's `from`, and one hook shows it in React.
 * It works while someone listens, and some seconds longer: a view that is drawn anew does not ask the network again.
 */
import type { NodeAccess } from '../node/api/named-requests.ts'

/** A state that changes. */
export interface Live<V> extends AsyncIterable<V> {
  /** The state now. It is never changed: the same object until another takes its place. */
  readonly current: V
  /** The first state that is not `loading`. It listens until then. */
  readonly ready: Promise<V>
  /**
   * Calls `listener` at once, and at each change until the returned function is called.
   * @example const stop = list.watch().subscribe(({ entries, status }) => render(entries, status))
   */
  subscribe(listener: (value: V) => void): () => void
}

/** A state that changes, and those who listen to it. */
export class LiveState<V> implements Live<V> {
  readonly #listeners = new Set<(value: V) => void>()
  #current: V

  constructor(initial: V) {
    this.#current = initial
  }

  /** Puts a new state in the place of the one before. */
  show(value: V): void {
    this.#current = value
    // A listener may make the next state. Each is called with the last state last.
    for (const listener of this.#listeners) call(listener, this.#current)
  }

  get current(): V {
    return this.#current
  }

  get ready(): Promise<V> {
    return Promise.resolve(this.#current)
  }

  /** Called before each new listener. It may throw: then nothing listens. */
  protected listens(): void {}

  /** Called after the last listener has gone. */
  protected idles(): void {}

  subscribe(listener: (value: V) => void): () => void {
    // A wrapper of its own for each call, so that one function may listen twice.
    const entry = (value: V) => listener(value)
    this.listens()
    this.#listeners.add(entry)
    call(entry, this.#current)
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.idles()
    }
  }

  /** Skips states for a slow reader, and never the last. */
  async *[Symbol.asyncIterator](): AsyncGenerator<V> {
    let latest: { readonly value: V } | null = null
    let wake = () => {}
    const stop = this.subscribe((value) => {
      latest = { value }
      wake()
    })
    try {
      for (;;) {
        const state = latest as { readonly value: V } | null
        latest = null
        if (state !== null) yield state.value
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      stop()
    }
  }
}

/** A live value stays at work so long after its last listener, ms. */
const lingerMs = 5_000

/** A state that is kept up to date while someone listens, and a little longer. */
export abstract class LiveValue<V extends { readonly status: string }> extends LiveState<V> {
  readonly #after: NodeAccess['after']
  readonly #loading: V
  #stop: (() => void) | null = null
  #cancelStop = () => {}

  constructor(after: NodeAccess['after'], loading: V) {
    super(loading)
    this.#after = after
    this.#loading = loading
  }

  /** Begins to follow. The returned function ends that. */
  protected abstract follow(): () => void

  override get ready(): Promise<V> {
    return this.#read()
  }

  async #read(): Promise<V> {
    for await (const state of this) if (state.status !== 'loading') return state
    return this.current
  }

  protected override listens(): void {
    // On a closed node this throws, and nothing listens.
    this.#stop ??= this.follow()
    this.#cancelStop()
  }

  protected override idles(): void {
    this.#cancelStop = this.#after(lingerMs, () => {
      this.#stop?.()
      this.#stop = null
      // Nothing keeps it up to date any more.
      this.show(this.#loading)
    })
  }
}

/** A listener that throws harms no other, and no write: its error surfaces as an unhandled rejection. */
export function call<V>(listener: (value: V) => void, value: V): void {
  try {
    listener(value)
  } catch (error) {
    void Promise.reject(error)
  }
}
