/**
 * The signaling server: introductions by address, and a code for whoever breaks a limit. Raw sockets, so that it meets
 * clients that are not ours.
 */

import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { limits } from '../../signaling/limits.ts'
import { type SignalingServer, startSignaling } from '../../signaling/server.ts'
import { TokenBucket } from '../../signaling/token-bucket.ts'
import { bounds } from '../../src/core/bounds.ts'
import type { FromSignaling } from '../../src/core/wire/signaling-messages.ts'
import { peerName } from '../conformance/signaling.ts'

const room = 'ab'.repeat(16)
let server: SignalingServer
const clients: Client[] = []

class Client {
  readonly socket: WebSocket
  readonly #heard: FromSignaling[] = []
  #waiting: (() => void)[] = []
  readonly closed: Promise<number>

  constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.on('error', () => {})
    this.socket.on('message', (data) => {
      this.#heard.push(JSON.parse(String(data)) as FromSignaling)
      for (const resolve of this.#waiting.splice(0)) resolve()
    })
    this.closed = new Promise((resolve) => this.socket.once('close', (code) => resolve(code)))
    clients.push(this)
  }

  async opened(): Promise<this> {
    await new Promise((resolve) => this.socket.once('open', resolve))
    return this
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  async next(): Promise<FromSignaling | undefined> {
    while (this.#heard.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#heard.shift()
  }
}

const enter = async (index: number, tag = room) => {
  const client = await new Client(server.url).opened()
  client.say({ type: 'join', room: tag, peer: peerName(index) })
  return client
}

beforeEach(async () => {
  server = await startSignaling()
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  await server.close()
})

describe('introductions', () => {
  test('a newcomer learns who is there, the others learn of the newcomer, and of whoever goes', async () => {
    const a = await enter(1)
    expect(await a.next()).toEqual({ type: 'joined', peers: [] })
    const b = await enter(2)
    expect(await b.next()).toEqual({ type: 'joined', peers: [peerName(1)] })
    expect(await a.next()).toEqual({ type: 'arrived', peer: peerName(2) })
    b.socket.close()
    expect(await a.next()).toEqual({ type: 'gone', peer: peerName(2) })
  })

  test('rooms know nothing of each other', async () => {
    const a = await enter(1)
    await a.next()
    const b = await enter(2, 'cd'.repeat(16))
    expect(await b.next()).toEqual({ type: 'joined', peers: [] })
    b.say({ type: 'send', to: peerName(1), body: 'psst' })
    const c = await enter(3)
    await c.next()
    expect(await a.next()).toEqual({ type: 'arrived', peer: peerName(3) })
  })

  test('a peer that comes again over a new socket replaces its old one', async () => {
    const a = await enter(1)
    await a.next()
    const again = await enter(1)
    expect(await again.next()).toEqual({ type: 'joined', peers: [] })
    await a.closed
    const b = await enter(2)
    expect(await b.next()).toEqual({ type: 'joined', peers: [peerName(1)] })
  })
})

describe('refusals', () => {
  test.each([
    ['what is no message', 'nonsense'],
    ['a room that is no tag', JSON.stringify({ type: 'join', room: 'my room', peer: peerName(1) })],
    ['a message before joining', JSON.stringify({ type: 'send', to: peerName(1), body: 'x' })],
  ])('%s is malformed', async (_name, text) => {
    const client = await new Client(server.url).opened()
    client.socket.send(text)
    expect(await client.next()).toEqual({ type: 'refused', code: 'malformed' })
    expect(await client.closed).toBe(4000)
  })

  test('a full room takes nobody more', async () => {
    for (let index = 1; index <= bounds.signalingPeersPerRoomMax; index += 1) await (await enter(index)).next()
    const late = await enter(1000)
    expect(await late.next()).toEqual({ type: 'refused', code: 'room-full' })
  })

  test('a flood is rate-limited', async () => {
    const client = await enter(1)
    await client.next()
    for (let sent = 0; sent < 1000; sent += 1) client.say({ type: 'send', to: peerName(2), body: 'x' })
    expect(await client.next()).toEqual({ type: 'refused', code: 'rate-limited' })
  })

  test('a message over the size limit ends the connection', async () => {
    const client = await enter(1)
    await client.next()
    client.say({ type: 'send', to: peerName(2), body: 'x'.repeat(bounds.signalingMessageCharsMax) })
    expect(await client.closed).toBe(1009)
  })
})

test('a crowd beyond the limit that hangs up on its refusal does not end the server', async () => {
  const { port } = new URL(server.url)
  const sockets = await Promise.all(
    Array.from({ length: limits.socketsPerAddressMax }, () => new Client(server.url).opened()),
  )
  expect(sockets).toHaveLength(limits.socketsPerAddressMax)
  const refused = Array.from({ length: 20 }, () => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    return new Promise<void>((resolve) =>
      socket.once('data', () => {
        socket.resetAndDestroy()
        resolve()
      }),
    )
  })
  await Promise.all(refused)
  const health = await fetch(`${server.url.replace('ws:', 'http:')}/health`)
  expect(health.status).toBe(200)
})

test('behind a proxy that is trusted, visitors are told apart by what it says of them, and by nothing else', async () => {
  const behind = await startSignaling({ trustProxy: true })
  const sockets: WebSocket[] = []
  const visit = (forwarded: string) => {
    const socket = new WebSocket(behind.url, { headers: { 'x-forwarded-for': forwarded } })
    sockets.push(socket)
    return new Promise<'open' | 'refused'>((resolve) => {
      socket.once('open', () => resolve('open'))
      socket.once('error', () => resolve('refused'))
    })
  }
  const crowd = await Promise.all(
    Array.from({ length: limits.socketsPerAddressMax }, (_, index) => visit(`10.9.9.${index}, 10.0.0.1`)),
  )
  expect(new Set(crowd)).toEqual(new Set(['open']))
  expect(await visit('10.0.0.1')).toBe('refused')
  expect(await visit('10.0.0.2')).toBe('open')
  for (const socket of sockets) socket.terminate()
  await behind.close()
})

test('a token bucket grants its burst at once and its rate after that', () => {
  let now = 0
  const bucket = new TokenBucket(3, 2, () => now)
  expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false])
  now = 1000
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
})
