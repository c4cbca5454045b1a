/**
 * Events as IndexedDB sends them: to a request, its transaction and its connection, down to the target and up again. Smaller and
 * faster than those of Node, which do not travel.
 */
type Listener = (event: FakeEvent) => void

interface Listening {
  readonly type: string
  readonly listener: Listener
  readonly isCapturing: boolean
}

export class FakeEvent {
  readonly type: string
  readonly target: FakeEventTarget
  /** Whether it goes up again to the transaction and the connection. */
  readonly bubbles: boolean
  readonly oldVersion: number
  readonly newVersion: number | null
  defaultPrevented = false

  constructor(
    type: string,
    target: FakeEventTarget,
    bubbles = false,
    versions: readonly [number, number | null] = [0, null],
  ) {
    this.type = type
    this.target = target
    this.bubbles = bubbles
    this.oldVersion = versions[0]
    this.newVersion = versions[1]
  }

  preventDefault(): void {
    this.defaultPrevented = true
  }
}

export class FakeEventTarget {
  readonly #listening: Listening[] = []

  addEventListener(type: string, listener: Listener, options: { readonly capture?: boolean } = {}): void {
    this.#listening.push({ type, listener, isCapturing: options.capture === true })
  }

  removeEventListener(type: string, listener: Listener): void {
    const at = this.#listening.findIndex((each) => each.type === type && each.listener === listener)
    if (at >= 0) this.#listening.splice(at, 1)
  }

  /** What is set by a name such as `onsuccess`. */
  #handler(type: string): Listener | undefined {
    const handler: unknown = Reflect.get(this, `on${type}`)
    return typeof handler === 'function' ? (event) => handler.call(this, event) : undefined
  }

  hears(type: string): boolean {
    return this.#listening.some((each) => each.type === type) || this.#handler(type) !== undefined
  }

  /** Calls those who listen, `above` from the outermost inwards, then those of the target itself, then outwards again. */
  dispatch(event: FakeEvent, above: readonly FakeEventTarget[] = []): void {
    for (const target of above) target.#call(event, (each) => each.isCapturing)
    this.#call(event, () => true)
    this.#handler(event.type)?.(event)
    if (!event.bubbles) return
    for (const target of above.toReversed()) {
      target.#call(event, (each) => !each.isCapturing)
      target.#handler(event.type)?.(event)
    }
  }

  #call(event: FakeEvent, isMeant: (each: Listening) => boolean): void {
    for (const each of [...this.#listening]) if (each.type === event.type && isMeant(each)) each.listener(event)
  }
}
