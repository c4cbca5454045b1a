/**
 * One of the demo's nodes, in a frame of the page.
 *
 * The frame can be closed and opened again, as a tab can.
 */
import type { Inspection, Status, TabringNode } from '../src/index.ts'
import type { NodeWindow } from './node.ts'

export class TabNode {
  readonly number: number
  readonly device: string
  readonly #frames: HTMLElement
  #frame: HTMLIFrameElement | undefined
  /** Ends waits for the frame: promises of a document that is gone never settle. */
  #forget: () => void = () => {}
  node: TabringNode | undefined
  /** Kept while the node is closed, so that its colour stays with it. */
  id: string | undefined
  /** The error with which it could not open. */
  failure: string | undefined

  constructor(number: number, device: string, frames: HTMLElement) {
    this.number = number
    this.device = device
    this.#frames = frames
  }

  get state(): 'closed' | 'opening' | 'open' | 'failed' {
    if (this.failure !== undefined) return 'failed'
    if (this.#frame === undefined) return 'closed'
    return this.node === undefined ? 'opening' : 'open'
  }

  get colour(): string {
    return `var(--node-${this.number})`
  }

  get status(): Status | undefined {
    return this.node?.status()
  }

  async open(): Promise<void> {
    this.close()
    const frame = document.createElement('iframe')
    frame.title = `Node ${this.number}`
    frame.src = `./node.html?device=${encodeURIComponent(this.device)}`
    this.#frame = frame
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
    this.#frames.append(frame)
    await loaded
    try {
      const node = await (frame.contentWindow as (Window & NodeWindow) | null)?.tabringNode
      if (this.#frame !== frame) return
      this.node = node
      this.id = node?.id
    } catch (error) {
      if (this.#frame === frame)
        this.failure = error instanceof Object && 'message' in error ? String(error.message) : String(error)
    }
  }

  /** Takes the frame away: to the node inside, the tab was closed. */
  close(): void {
    this.#frame?.remove()
    this.#frame = undefined
    this.failure = undefined
    this.node = undefined
    this.#forget()
  }

  /** The content of the node's store. Undefined while the node is closed, or if it closes meanwhile. */
  async inspect(): Promise<Inspection | undefined> {
    const gone = new Promise<undefined>((resolve) => {
      this.#forget = () => resolve(undefined)
    })
    try {
      return await Promise.race([this.node?.inspect(), gone])
    } catch {
      return undefined
    }
  }
}
