/**
 * Introductions over WebSockets, through one or several signaling servers at once (not in the paper).
 *
 * A lost socket is opened again after growing, jittered pauses. They start over only once the server has let this peer
 * in. A server that has no room now is tried again too. Any other refusal is final for that server, since it would only
 * be repeated.
 */
import { bounds } from '../core/bounds.ts'
import type { PeerId } from '../core/ids.ts'
import {
  decodeFromSignaling,
  type FromSignaling,
  passingRefusals,
  type ToSignaling,
} from '../core/wire/signaling-messages.ts'
import { type Clock, chanceOf, type Random, type Signaling, type SignalingHandlers } from '../ports.ts'

/** The line to one server. */
interface Line {
  readonly url: string
  socket: WebSocket | undefined
  attempts: number
  /** The server has refused this peer for good. */
  refused: boolean
  /** Peers in the room at this server. */
  readonly present: Set<PeerId>
}

/** This peer in the room, from joining to closing. */
interface Session {
  readonly peer: PeerId
  readonly handlers: SignalingHandlers
}

export class WebSocketSignaling implements Signaling {
  readonly #lines: readonly Line[]
  readonly #room: string
  readonly #clock: Clock
  readonly #random: Random
  #session: Session | undefined

  /** Meets in the room of that tag, at the servers with these `ws:` or `wss:` addresses. */
  constructor(urls: readonly string[], room: string, clock: Clock, random: Random) {
    this.#lines = urls.map((url) => ({ url, socket: undefined, attempts: 0, refused: false, present: new Set() }))
    this.#room = room
    this.#clock = clock
    this.#random = random
  }

  join(peer: PeerId, handlers: SignalingHandlers): void {
    const session = { peer, handlers }
    this.#session = session
    for (const line of this.#lines) this.#connect(line, session)
    // Without a server there are no introductions, and nothing to wait for.
    if (this.#lines.length === 0) queueMicrotask(() => this.#session === session && handlers.joined([]))
  }

  send(to: PeerId, body: string): boolean {
    const open = this.#lines.filter(({ socket }) => socket?.readyState === WebSocket.OPEN)
    const line = open.find(({ present }) => present.has(to)) ?? open[0]
    if (line?.socket === undefined) return false
    say(line.socket, { type: 'send', to, body })
    return true
  }

  close(): void {
    this.#session = undefined
    for (const { socket } of this.#lines) {
      if (socket?.readyState === WebSocket.OPEN) say(socket, { type: 'leave' })
      socket?.close()
    }
  }

  #connect(line: Line, session: Session): void {
    if (line.refused || this.#session !== session) return
    const socket = openSocket(line.url)
    if (socket === null) {
      line.refused = true
      session.handlers.state({ url: line.url, state: 'refused', reason: 'this page may not open such a socket' })
      return
    }
    line.socket = socket
    const late = () => socket.readyState === WebSocket.CONNECTING && socket.close()
    const cancel = this.#clock.after(bounds.signalingOpenTimeoutMs, late)
    socket.onopen = () => say(socket, { type: 'join', room: this.#room, peer: session.peer })
    socket.onmessage = (event) => {
      const message = typeof event.data === 'string' ? decodeFromSignaling(event.data) : null
      if (message !== null && this.#session === session) this.#hear(line, message, session.handlers)
    }
    socket.onclose = (event) => {
      cancel()
      if (line.socket === socket) line.socket = undefined
      if (line.refused || this.#session !== session) return
      // A server that has no room now closes the socket with the same code.
      const reason = passingRefusals.find((code) => code === event.reason)
      session.handlers.state({ url: line.url, state: 'retrying', ...(reason === undefined ? {} : { reason }) })
      this.#clock.after(this.#retryDelayMs(line), () => this.#connect(line, session))
    }
  }

  #retryDelayMs(line: Line): number {
    const pause = Math.min(bounds.signalingRetryLastMs, bounds.signalingRetryFirstMs * 2 ** line.attempts)
    line.attempts += 1
    return pause * (0.5 + chanceOf(this.#random))
  }

  #hear(line: Line, message: FromSignaling, handlers: SignalingHandlers): void {
    switch (message.type) {
      case 'joined':
        line.attempts = 0
        this.#joined(line, message.peers, handlers)
        break
      case 'arrived':
        line.present.add(message.peer)
        handlers.arrived(message.peer)
        break
      case 'gone':
        line.present.delete(message.peer)
        if (!this.#isPresent(message.peer)) handlers.gone(message.peer)
        break
      case 'message':
        handlers.message(message.from, message.body)
        break
      case 'refused':
        if (passingRefusals.includes(message.code)) break
        line.refused = true
        handlers.state({ url: line.url, state: 'refused', reason: message.code })
        break
      default:
        message satisfies never
    }
  }

  /** This peer is in the room, perhaps again. Peers that left while the line was down are reported as gone. */
  #joined(line: Line, peers: readonly PeerId[], handlers: SignalingHandlers): void {
    const before = [...line.present]
    line.present.clear()
    for (const peer of peers) line.present.add(peer)
    handlers.state({ url: line.url, state: 'open' })
    for (const peer of before) if (!this.#isPresent(peer)) handlers.gone(peer)
    handlers.joined(peers)
  }

  /** True if any connected server says that a peer is in the room. */
  #isPresent(peer: PeerId): boolean {
    return this.#lines.some(({ socket, present }) => socket?.readyState === WebSocket.OPEN && present.has(peer))
  }
}

/** A browser throws if a secure page asks for a `ws:` address. */
function openSocket(url: string): WebSocket | null {
  try {
    return new WebSocket(url)
  } catch {
    return null
  }
}

function say(socket: WebSocket, message: ToSignaling): void {
  socket.send(JSON.stringify(message))
}
