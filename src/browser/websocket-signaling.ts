/**
 * Introductions over WebSockets, through one or several signaling servers at once.
 *
 * A lost socket is opened again with growing, jittered pauses, which start over only once the server has let us in. A refusal
 * is final for that server: whoever turned us away for a reason will do so again.
 */
import { bounds } from '../core/bounds.ts'
import type { PeerId } from '../core/ids.ts'
import { decodeFromSignaling, type FromSignaling, type ToSignaling } from '../core/wire/signaling-messages.ts'
import type { Clock, Random, Signaling, SignalingHandlers } from '../ports.ts'

interface Line {
  readonly url: string
  socket: WebSocket | undefined
  attempts: number
  refused: boolean
  /** Who is in the room at this server. */
  readonly present: Set<PeerId>
}

/** Signaling through the servers at `urls` (ws: or wss:), in the room of that tag. */
export function websocketSignaling(urls: readonly string[], room: string, clock: Clock, random: Random): Signaling {
  const lines: readonly Line[] = urls.map((url) => ({ url, socket: undefined, attempts: 0, refused: false, present: new Set() }))
  let closed = true
  let session = 0

  function connect(line: Line, peer: PeerId, handlers: SignalingHandlers): void {
    const ours = session
    const socket = new WebSocket(line.url)
    line.socket = socket
    const cancel = clock.after(bounds.signalingOpenTimeoutMs, () => socket.readyState === WebSocket.CONNECTING && socket.close())
    socket.onopen = () => say(socket, { type: 'join', room, peer })
    socket.onmessage = (event) => {
      const message = typeof event.data === 'string' ? decodeFromSignaling(event.data) : null
      if (message !== null && session === ours) hear(line, message, handlers)
    }
    socket.onclose = () => {
      cancel()
      if (line.socket === socket) line.socket = undefined
      if (closed || line.refused || session !== ours) return
      handlers.state({ url: line.url, state: 'retrying' })
      clock.after(retryDelayMs(line), () => session === ours && !closed && connect(line, peer, handlers))
    }
  }

  function retryDelayMs(line: Line): number {
    const pause = Math.min(bounds.signalingRetryLastMs, bounds.signalingRetryFirstMs * 2 ** line.attempts)
    line.attempts += 1
    return pause * (0.5 + (random.bytes(1)[0] ?? 0) / 256)
  }

  function hear(line: Line, message: FromSignaling, handlers: SignalingHandlers): void {
    switch (message.type) {
      case 'joined':
        line.attempts = 0
        line.present.clear()
        for (const peer of message.peers) line.present.add(peer)
        handlers.state({ url: line.url, state: 'open' })
        return handlers.joined(message.peers)
      case 'arrived':
        line.present.add(message.peer)
        return handlers.arrived(message.peer)
      case 'gone':
        line.present.delete(message.peer)
        return lines.some((other) => other.present.has(message.peer)) ? undefined : handlers.gone(message.peer)
      case 'message':
        return handlers.message(message.from, message.body)
      case 'refused':
        line.refused = true
        return handlers.state({ url: line.url, state: 'refused', reason: message.code })
      default:
        return message satisfies never
    }
  }

  return {
    join: (peer, handlers) => {
      closed = false
      session += 1
      for (const line of lines) if (!line.refused) connect(line, peer, handlers)
    },
    send: (to, body) => {
      const open = lines.filter((line) => line.socket?.readyState === WebSocket.OPEN)
      const line = open.find((candidate) => candidate.present.has(to)) ?? open[0]
      if (line?.socket === undefined) return false
      say(line.socket, { type: 'send', to, body })
      return true
    },
    close: () => {
      closed = true
      for (const line of lines) {
        if (line.socket?.readyState === WebSocket.OPEN) say(line.socket, { type: 'leave' })
        line.socket?.close()
      }
    },
  }
}

function say(socket: WebSocket, message: ToSignaling): void {
  socket.send(JSON.stringify(message))
}
