/**
 * Broadcast room: the tabs of one browser find each other without any server (not in the paper).
 *
 * They meet through a `BroadcastChannel`. If the browser offers no network address, frames travel the same way. A
 * broadcast channel has no ends and no back-pressure. So every tab hears every message, and takes those addressed to
 * it. A sender has a bounded number of unconfirmed frames under way.
 */
import { bounds } from '../../core/bounds.ts'
import type { PeerId } from '../../core/ids.ts'
import { Reassembler } from '../../core/wire/frames.ts'
import { SendQueue } from '../../core/wire/send-queue.ts'
import type { Clock, Lane, Signaling, SignalingHandlers } from '../../ports.ts'

type Post = { readonly from: PeerId } & (
  | { readonly type: 'join' | 'gone' }
  | { readonly type: 'here'; readonly to: PeerId }
  | { readonly type: 'signal'; readonly to: PeerId; readonly body: string }
  | { readonly type: 'frame'; readonly to: PeerId; readonly frame: Uint8Array }
  | { readonly type: 'taken' | 'no-link'; readonly to: PeerId }
)

/** The page of another build, or another library, may have posted other values. */
function isPost(value: unknown): value is Post {
  return typeof value === 'object' && value !== null && 'type' in value && 'from' in value
}

export class BroadcastRoom implements Signaling {
  readonly #name: string
  readonly #clock: Clock
  readonly #present = new Set<PeerId>()
  readonly #links = new Map<PeerId, BroadcastLink>()
  #channel: BroadcastChannel | undefined
  #self: PeerId | undefined

  /** Meets tabs of this browser in the room of that tag. */
  constructor(room: string, clock: Clock) {
    this.#name = `tabring:${room}`
    this.#clock = clock
  }

  join(peer: PeerId, handlers: SignalingHandlers): void {
    this.#self = peer
    const channel = new BroadcastChannel(this.#name)
    this.#channel = channel
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (isPost(data) && data.from !== peer) this.#heard(data, handlers)
    }
    this.#post({ type: 'join', from: peer })
    this.#clock.after(bounds.tabsAnswerMs, () => {
      if (this.#channel === channel) handlers.joined([...this.#present])
    })
  }

  send(to: PeerId, body: string): boolean {
    if (this.#self === undefined || !this.#present.has(to)) return false
    this.#post({ type: 'signal', from: this.#self, to, body })
    return true
  }

  close(): void {
    if (this.#self !== undefined) this.#post({ type: 'gone', from: this.#self })
    this.#channel?.close()
    this.#channel = undefined
    this.#self = undefined
    this.#present.clear()
    for (const link of this.#links.values()) link.end()
  }

  has(peer: PeerId): boolean {
    return this.#present.has(peer)
  }

  /** Takes a tab that does not answer for gone. It is there again when it is heard. */
  forget(peer: PeerId): void {
    this.#present.delete(peer)
  }

  /** Carries frames to and from another tab, open at once. */
  link(peer: PeerId, handlers: LinkHandlers): BroadcastLink {
    const link = new BroadcastLink(
      this.#clock,
      {
        ...handlers,
        closed: () => {
          if (this.#links.get(peer) === link) this.#links.delete(peer)
          handlers.closed()
        },
      },
      (frame) => {
        if (this.#self !== undefined) this.#post({ type: 'frame', from: this.#self, to: peer, frame })
      },
    )
    this.#links.set(peer, link)
    return link
  }

  #post(post: Post): void {
    this.#channel?.postMessage(post)
  }

  #heard(post: Post, handlers: SignalingHandlers): void {
    const { from } = post
    if ('to' in post && post.to !== this.#self) return
    switch (post.type) {
      case 'join':
        if (this.#self !== undefined) this.#post({ type: 'here', from: this.#self, to: from })
        this.#meet(from, handlers)
        return
      case 'here':
        this.#meet(from, handlers)
        return
      case 'gone':
        this.#present.delete(from)
        this.#links.get(from)?.end()
        handlers.gone(from)
        return
      case 'signal':
        this.#present.add(from)
        handlers.message(from, post.body)
        return
      case 'frame': {
        const link = this.#links.get(from)
        const type = link === undefined ? 'no-link' : 'taken'
        if (this.#self !== undefined) this.#post({ type, from: this.#self, to: from })
        link?.received(post.frame)
        return
      }
      case 'no-link':
        this.#links.get(from)?.end()
        return
      case 'taken':
        this.#links.get(from)?.taken()
        return
      default:
        post satisfies never
    }
  }

  #meet(peer: PeerId, handlers: SignalingHandlers): void {
    if (this.#present.has(peer) || this.#present.size >= bounds.peersMax) return
    this.#present.add(peer)
    handlers.arrived(peer)
  }
}

export interface LinkHandlers {
  message(message: Uint8Array): void
  /** Called once. */
  closed(): void
}

/**
 * Frames between two tabs of one browser, in both directions. The link ends if the other tab confirms no frame for
 * long, since a tab that crashed says nothing.
 */
export class BroadcastLink {
  readonly #clock: Clock
  readonly #queue = new SendQueue()
  readonly #reassembler = new Reassembler()
  readonly #handlers: LinkHandlers
  readonly #post: (frame: Uint8Array) => void
  #underWay = 0
  #ended = false
  /** The time of the last message from the other tab, or of the link's begin. */
  #heardAt: number
  #cancelWatch = () => {}

  constructor(clock: Clock, handlers: LinkHandlers, post: (frame: Uint8Array) => void) {
    this.#clock = clock
    this.#heardAt = clock.now()
    this.#handlers = handlers
    this.#post = post
  }

  get isOpen(): boolean {
    return !this.#ended
  }

  /** True if the other tab has left frames unconfirmed for as long as a handshake may take. */
  get isUnanswered(): boolean {
    return this.#underWay > 0 && this.#clock.now() - this.#heardAt >= bounds.handshakeTimeoutMs
  }

  /** Resolves when the last frame has been posted. */
  send(message: Uint8Array, lane: Lane): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (sent: boolean) => (sent ? resolve() : reject(new Error('the link has closed')))
      if (this.#ended || !this.#queue.offer(lane, message, done))
        reject(new Error('the link is closed or its queue full'))
      else this.#pump()
    })
  }

  #pump(): void {
    while (!this.#ended && this.#underWay < bounds.framesUnderWayMax) {
      const frame = this.#queue.take()
      if (frame === undefined) return
      if (this.#underWay === 0) this.#watch()
      this.#underWay += 1
      this.#post(frame)
    }
  }

  /** Waits for a confirmation from now on. */
  #watch(): void {
    this.#cancelWatch()
    this.#cancelWatch = this.#clock.after(bounds.connectTimeoutMs, () => this.end())
  }

  /** The other end has taken a frame. */
  taken(): void {
    this.#heardAt = this.#clock.now()
    this.#underWay = Math.max(0, this.#underWay - 1)
    this.#cancelWatch()
    if (this.#underWay > 0) this.#watch()
    this.#pump()
  }

  received(frame: Uint8Array): void {
    if (this.#ended || !(frame instanceof Uint8Array)) return
    this.#heardAt = this.#clock.now()
    const taken = this.#reassembler.take(frame)
    if (taken.kind === 'malformed') this.end()
    if (taken.kind === 'message' && !this.#ended) this.#handlers.message(taken.message)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelWatch()
    this.#queue.clear()
    this.#handlers.closed()
  }
}
