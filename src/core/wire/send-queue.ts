/**
 * The queue of one channel: three lanes of messages, taken out frame by frame (not in the paper).
 *
 * A control message never waits behind values: its frames go out between those of the message under way. In the same
 * way replies overtake bulk, which the receiver did not ask for. Within a lane messages go out one after the other. The
 * bytes and messages that wait are bounded, and a message that does not fit is refused whole.
 */
import { bounds } from '../bounds.ts'
import { framesOf } from './frames.ts'

interface Waiting {
  readonly frames: Iterator<Uint8Array>
  readonly bytes: number
  readonly done: (sent: boolean) => void
  next: Uint8Array | undefined
}

/** The lanes, the most urgent first. */
const laneNames = ['control', 'reply', 'bulk'] as const
type LaneName = (typeof laneNames)[number]

export class SendQueue {
  readonly #lanes: Readonly<Record<LaneName, Waiting[]>> = { control: [], reply: [], bulk: [] }
  #bytes = 0
  #lastMessage = 0

  get messageCount(): number {
    return laneNames.reduce((sum, name) => sum + this.#lanes[name].length, 0)
  }

  /**
   * Takes a message in, or refuses it (false). `done` is called once: with true after its last frame was taken out,
   * with false if the queue was cleared before.
   */
  offer(lane: LaneName, message: Uint8Array, done: (sent: boolean) => void): boolean {
    const full =
      this.#bytes + message.length > bounds.sendQueueBytesMax || this.messageCount >= bounds.sendQueueMessagesMax
    if (full || message.length > bounds.messageBytesMax) return false
    this.#lastMessage += 1
    const frames = framesOf(this.#lastMessage, message)
    this.#bytes += message.length
    this.#lanes[lane].push({ frames, bytes: message.length, done, next: frames.next().value ?? undefined })
    return true
  }

  /** The next frame to send, or undefined when nothing waits. */
  take(): Uint8Array | undefined {
    const lane = laneNames.map((name) => this.#lanes[name]).find(({ length }) => length > 0)
    const waiting = lane?.[0]
    if (lane === undefined || waiting === undefined) return undefined
    const frame = waiting.next
    waiting.next = waiting.frames.next().value ?? undefined
    if (waiting.next === undefined) {
      lane.shift()
      this.#bytes -= waiting.bytes
      waiting.done(true)
    }
    return frame
  }

  /** Drops all messages that wait. */
  clear(): void {
    for (const name of laneNames) for (const waiting of this.#lanes[name].splice(0)) waiting.done(false)
    this.#bytes = 0
  }
}
