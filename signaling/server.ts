/**
 * The signaling server: it lets tabs join a room, introduces them, and forgets them (not in the paper).
 *
 * It learns room tags and random peer names, and passes small texts on by address. No data ever passes through it, and
 * a ring that has formed goes on without it. A visitor that breaks a limit is refused with a code that says why. (The
 * design follows the servers of y-webrtc and PeerJS, with addressed delivery and limits.)
 *
 * @module tabring/signaling
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { bounds } from '../src/core/bounds.ts'
import type { PeerId } from '../src/core/ids.ts'
import {
  decodeToSignaling,
  type FromSignaling,
  type RefusalCode,
  type ToSignaling,
} from '../src/core/wire/signaling-messages.ts'
import { limits } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** The options of `startSignaling`. */
export interface SignalingOptions {
  /** TCP port; 0 (the default) takes a free one. */
  readonly port?: number
  /** Address to listen on. Default 127.0.0.1: put a TLS proxy before it, or name the address to serve. */
  readonly host?: string
  /**
   * True if a proxy of yours stands before the server. Then visitors are told apart by the address it appends to
   * `X-Forwarded-For`, since its own would be the same for all. Default false: any client can send such a header.
   */
  readonly trustProxy?: boolean
  /** Receives every text that passes, in both directions: for logs, and to prove what passes. */
  readonly onTraffic?: (text: string) => void
}

/** A signaling server that runs. */
export interface SignalingServer {
  /** The WebSocket address, for `openNode({ signaling })`. */
  readonly url: string
  /**
   * Ends every connection and frees the port.
   *
   * @example
   * await server.close()
   */
  close(): Promise<void>
}

interface Visitor {
  readonly socket: WebSocket
  readonly bucket: TokenBucket
  room: string | null
  peer: PeerId | null
  heard: boolean
}

/** Applications of the protocol may use the close codes 4000 to 4999 (RFC 6455, 7.4.2). */
const refusalClose = 4000

class Rooms {
  readonly #rooms = new Map<string, Map<PeerId, Visitor>>()
  readonly #onTraffic: (text: string) => void

  constructor(onTraffic: (text: string) => void) {
    this.#onTraffic = onTraffic
  }

  get peerCount(): number {
    return [...this.#rooms.values()].reduce((sum, room) => sum + room.size, 0)
  }

  tell(visitor: Visitor, message: FromSignaling): void {
    const text = JSON.stringify(message)
    this.#onTraffic(text)
    // The server does not wait for a visitor that does not read.
    if (visitor.socket.bufferedAmount > limits.bufferedBytesMax) visitor.socket.terminate()
    else visitor.socket.send(text)
  }

  refuse(visitor: Visitor, code: RefusalCode): void {
    this.tell(visitor, { type: 'refused', code })
    visitor.socket.close(refusalClose, code)
  }

  hear(visitor: Visitor, text: string): void {
    this.#onTraffic(text)
    const message = decodeToSignaling(text)
    if (message === null) this.refuse(visitor, 'malformed')
    else if (!visitor.bucket.take()) this.refuse(visitor, 'rate-limited')
    else this.#act(visitor, message)
  }

  #act(visitor: Visitor, message: ToSignaling): void {
    if (message.type === 'leave') this.forget(visitor)
    else if (message.type === 'join') this.#join(visitor, message.room, message.peer)
    else if (visitor.room === null || visitor.peer === null) this.refuse(visitor, 'malformed')
    else {
      const to = this.#rooms.get(visitor.room)?.get(message.to)
      if (to !== undefined) this.tell(to, { type: 'message', from: visitor.peer, body: message.body })
    }
  }

  #join(visitor: Visitor, tag: string, peer: PeerId): void {
    this.forget(visitor)
    const room = this.#rooms.get(tag) ?? new Map<PeerId, Visitor>()
    if (room.size >= bounds.signalingPeersPerRoomMax) {
      this.refuse(visitor, 'room-full')
      return
    }
    const former = room.get(peer)
    // The same tab over a new socket, before the server noticed the end of the old one. Names are 64 random bits.
    former?.socket.terminate()
    if (former !== undefined) this.forget(former)
    this.tell(visitor, { type: 'joined', peers: [...room.keys()] })
    for (const other of room.values()) this.tell(other, { type: 'arrived', peer })
    this.#rooms.set(tag, room.set(peer, visitor))
    visitor.room = tag
    visitor.peer = peer
  }

  forget(visitor: Visitor): void {
    const { room: tag, peer } = visitor
    if (tag === null || peer === null) return
    visitor.room = null
    visitor.peer = null
    const room = this.#rooms.get(tag)
    if (room?.get(peer) !== visitor) return
    room.delete(peer)
    if (room.size === 0) this.#rooms.delete(tag)
    for (const other of room.values()) this.tell(other, { type: 'gone', peer })
  }
}

/**
 * Starts a signaling server and resolves once it listens.
 *
 * @example
 * const { url, close } = await startSignaling({ port: 8787 })
 */
export async function startSignaling(options: SignalingOptions = {}): Promise<SignalingServer> {
  const { port = 0, host = '127.0.0.1', trustProxy = false, onTraffic = () => {} } = options
  const rooms = new Rooms(onTraffic)
  const visitors = new Map<WebSocket, Visitor>()
  const perAddress = new Map<string, number>()
  const http = createServer((request, response) => {
    const healthy = request.url === '/health'
    response.writeHead(healthy ? 200 : 404, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
    response.end(JSON.stringify(healthy ? { ok: true, peers: rooms.peerCount, sockets: visitors.size } : { ok: false }))
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: bounds.signalingMessageCharsMax,
    perMessageDeflate: false,
  })
  http.on('upgrade', (request, socket, head) => {
    const address = addressOf(request, trustProxy)
    const tooMany = visitors.size >= limits.socketsMax || (perAddress.get(address) ?? 0) >= limits.socketsPerAddressMax
    if (tooMany) {
      // The raw socket has no other listener any more, and an unheard reset would end the process.
      socket.on('error', () => {})
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
      webSocket.on('close', () => countDown(perAddress, address))
      welcome(webSocket, rooms, visitors)
    })
  })
  const heartbeat = setInterval(() => ping(visitors), limits.pingIntervalMs)
  await listen(http, port, host)
  const { port: taken } = http.address() as AddressInfo
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close: () => {
      clearInterval(heartbeat)
      for (const socket of visitors.keys()) socket.terminate()
      return new Promise((resolve) => http.close(() => resolve()))
    },
  }
}

function welcome(socket: WebSocket, rooms: Rooms, visitors: Map<WebSocket, Visitor>): void {
  const bucket = new TokenBucket(limits.messagesBurst, limits.messagesPerSecond, () => performance.now())
  const visitor: Visitor = { socket, bucket, room: null, peer: null, heard: true }
  visitors.set(socket, visitor)
  const late = setTimeout(() => visitor.room === null && socket.terminate(), limits.joinTimeoutMs)
  socket.on('message', (data, isBinary) => {
    visitor.heard = true
    if (isBinary) rooms.refuse(visitor, 'malformed')
    else rooms.hear(visitor, data.toString())
  })
  socket.on('pong', () => {
    visitor.heard = true
  })
  // A message over the size limit ends here; the socket closes by itself.
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(late)
    visitors.delete(socket)
    rooms.forget(visitor)
  })
}

/** Ends visitors that were silent since the last round, and pings the others. */
function ping(visitors: ReadonlyMap<WebSocket, Visitor>): void {
  for (const [socket, visitor] of visitors) {
    if (!visitor.heard) socket.terminate()
    visitor.heard = false
    socket.ping()
  }
}

function countDown(counts: Map<string, number>, address: string): void {
  const left = (counts.get(address) ?? 1) - 1
  if (left > 0) counts.set(address, left)
  else counts.delete(address)
}

/** The visitor's network address. Of IPv6 only the first half, which belongs to one subscriber. */
function addressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy
    ? [request.headers['x-forwarded-for']].flat().join().split(',').at(-1)?.trim()
    : undefined
  const address = forwarded || (request.socket.remoteAddress ?? '')
  return address.includes('.') ? address : address.split(':').slice(0, 4).join(':')
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
