/**
 * A line: one direction of a channel as WebRTC has it.
 *
 * Messages wait in lanes, travel in frames and in order, and are put together again. A line is slow, and takes no more
 * than a few messages at once. A frame that is cut short or named wrongly breaks the rules: the channel ends, and the
 * part of a message that had come is gone with it.
 */
import { Reassembler } from '../../src/core/wire/frames.ts'
import { SendQueue } from '../../src/core/wire/send-queue.ts'
import type { Lane } from '../../src/ports.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface LineHandlers {
  /** How long the next frame is under way, ms. */
  delayMs(): number
  /** What becomes of a frame. */
  garbled(frame: Uint8Array): Uint8Array
  /** A message is whole. */
  message(message: Uint8Array): void
  malformed(): void
}

export class Line {
  readonly #clock: VirtualClock
  readonly #frameMs: number
  readonly #handlers: LineHandlers
  readonly #queue = new SendQueue()
  readonly #reassembler = new Reassembler()
  #isPumping = false
  #isClosed = false
  #isInMidMessage = false
  /** When the last frame arrives: none overtakes another. */
  #lastAt = 0

  /** Takes a frame every `frameMs`. */
  constructor(clock: VirtualClock, frameMs: number, handlers: LineHandlers) {
    this.#clock = clock
    this.#frameMs = frameMs
    this.#handlers = handlers
  }

  get messageCount(): number {
    return this.#queue.messageCount
  }

  /** Whether a part of a message has come, and the rest has not. */
  get isInMidMessage(): boolean {
    return this.#isInMidMessage
  }

  /** Resolves when the last frame has gone out; rejects where the line closes before, or takes no more. */
  send(message: Uint8Array, lane: Lane): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (sent: boolean) => (sent ? resolve() : reject(new Error('the channel has closed')))
      if (this.#isClosed || !this.#queue.offer(lane, message, done)) reject(new Error('the queue is full'))
      else this.#pump()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#queue.clear()
  }

  #pump(): void {
    if (this.#isPumping || this.#isClosed) return
    this.#isPumping = true
    this.#clock.after(this.#frameMs, () => {
      this.#isPumping = false
      const frame = this.#isClosed ? undefined : this.#queue.take()
      if (frame === undefined) return
      this.#lastAt = Math.max(this.#lastAt, this.#clock.now + this.#handlers.delayMs())
      this.#clock.after(this.#lastAt - this.#clock.now, () => this.#arrived(frame))
      if (this.#queue.messageCount > 0) this.#pump()
    })
  }

  #arrived(frame: Uint8Array): void {
    // What was under way when the channel closed is gone, in the middle of a message or not.
    if (this.#isClosed) return
    const taken = this.#reassembler.take(this.#handlers.garbled(frame))
    this.#isInMidMessage = taken.kind === 'more'
    if (taken.kind === 'malformed') this.#handlers.malformed()
    if (taken.kind === 'message') this.#handlers.message(taken.message)
  }
}
