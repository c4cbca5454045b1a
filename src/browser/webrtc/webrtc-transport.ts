/**
 * WebRTC transport: channels to peers (not in the paper). It contacts some that servers or tabs name, and all that the
 * mesh wants.
 *
 * The peer of a pair whose name sorts first initiates, so offers never cross. The other one may ask it to. Every
 * attempt has a random name that its signals carry, and a signal of another attempt is dropped as stale. A wanted
 * channel that failed or closed is tried again, at growing pauses. These matter: Chromium counts dead connections for
 * half a minute against its 500. Servers introduce a newcomer to a few peers, and those introduce it to the others.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import { compareText, type PeerId } from '../../core/ids.ts'
import {
  type Clock,
  type CloseReason,
  chanceOf,
  type Lane,
  type Random,
  type Signaling,
  type SignalingHandlers,
  type Transport,
  type TransportHandlers,
} from '../../ports.ts'
import type { BroadcastRoom } from './broadcast-room.ts'
import { Contact, type Way } from './contact.ts'
import { decodeSignal, encodeSignal, type SignalBody } from './signal-body.ts'
import { WebRtcChannel } from './webrtc-channel.ts'

type Room = 'servers' | 'tabs'

/** The meeting places of a transport. */
export interface Meeting {
  readonly servers: Signaling
  /** The other tabs of this browser; null if it has no broadcast channels. */
  readonly tabs: BroadcastRoom | null
}

export class WebRtcTransport implements Transport {
  readonly self: PeerId
  readonly #meeting: Meeting
  readonly #config: () => RTCConfiguration
  readonly #clock: Clock
  readonly #random: Random
  readonly #contacts = new Map<PeerId, Contact>()
  /** By room: the peers it has named. Most are not contacted from here: other peers will introduce them. */
  readonly #named: Readonly<Record<Room, Set<PeerId>>> = { servers: new Set(), tabs: new Set() }
  #handlers: TransportHandlers | undefined
  #waiting: (() => void)[] = []
  /** Rooms that have answered, or will not. */
  readonly #answered = new Set<Room>()
  #listening = true
  /** This browser has offered no network address. */
  #hasNoRoute = false

  constructor(self: PeerId, meeting: Meeting, config: () => RTCConfiguration, clock: Clock, random: Random) {
    this.self = self
    this.#meeting = meeting
    this.#config = config
    this.#clock = clock
    this.#random = random
  }

  start(handlers: TransportHandlers): void {
    if (this.#handlers !== undefined) return
    this.#handlers = handlers
    this.#listening = true
    const { servers, tabs } = this.#meeting
    servers.join(this.self, this.#room('servers', handlers))
    if (tabs === null) this.#answered.add('tabs')
    else tabs.join(this.self, this.#room('tabs', handlers))
  }

  #room(room: Room, handlers: TransportHandlers): SignalingHandlers {
    return {
      joined: (peers) => {
        // A peer that this room did not name may be met through another, or over its open channel.
        for (const peer of peers) this.#named[room].add(peer)
        this.#answered.add(room)
        this.#contactSome(room, (contact) => contact.isUnmet)
        this.#review()
      },
      arrived: (peer) => this.#arrived(peer, room),
      gone: (peer) => {
        this.#named[room].delete(peer)
        this.#contacts.get(peer)?.present.delete(room)
        this.#review()
      },
      message: (from, body) => this.#signaled(from, body, room),
      state: (event) => {
        if (event.state !== 'open') this.#answered.add(room)
        handlers.signaling(event)
        this.#review()
      },
    }
  }

  listen(how: 'always' | 'not now'): void {
    const handlers = this.#handlers
    const listening = how === 'always'
    if (handlers === undefined || listening === this.#listening) return
    this.#listening = listening
    const { servers } = this.#meeting
    if (listening) servers.join(this.self, this.#room('servers', handlers))
    else {
      servers.close()
      this.#named.servers.clear()
      for (const { present } of this.#contacts.values()) present.delete('servers')
    }
  }

  want(peers: ReadonlySet<PeerId>): void {
    if (this.#handlers === undefined) return
    for (const contact of this.#contacts.values()) contact.wanted = peers.has(contact.peer)
    for (const peer of peers) {
      const contact = this.#contactOf(peer)
      if (contact === undefined || contact.wanted) continue
      contact.wanted = true
      this.#initiate(contact)
    }
  }

  met(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#review()
    })
  }

  /**
   * Resolves `met()` once introductions are over: every room has answered, and each peer present in one has been tried.
   */
  #review(): void {
    const pending = [...this.#contacts.values()].some(
      (contact) => contact.present.size > 0 && !contact.dropped && contact.failures === 0 && !contact.isOpen,
    )
    if (this.#answered.size < 2 || pending) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  send(peer: PeerId, message: Uint8Array, lane: Lane): Promise<void> {
    const contact = this.#contacts.get(peer)
    return contact?.send(message, lane) ?? Promise.reject(new Error('there is no channel to that peer'))
  }

  drop(peer: PeerId, how: 'for now' | 'for good'): void {
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    contact.dropped = how === 'for good'
    // The peer is met again only if the mesh wants it, or a room names it anew.
    contact.present.clear()
    contact.end()
  }

  close(): void {
    this.#handlers = undefined
    this.#meeting.servers.close()
    this.#meeting.tabs?.close()
    for (const contact of this.#contacts.values()) contact.end()
    this.#contacts.clear()
    for (const named of Object.values(this.#named)) named.clear()
    for (const room of ['servers', 'tabs'] as const) this.#answered.add(room)
    this.#review()
  }

  // Meeting peers

  #arrived(peer: PeerId, room: Room): void {
    if (peer === this.self || this.#handlers === undefined) return
    const contact = this.#contactOf(peer)
    if (contact === undefined) return
    // An offer made before any room named the peer may be lost. So it is begun anew, unnoticed by the node.
    const lost = contact.isUnmet && contact.way === undefined ? contact.channel : undefined
    if (lost !== undefined) contact.channel = undefined
    lost?.end('closed')
    contact.present.add(room)
    contact.failures = 0
    this.#initiate(contact)
  }

  /**
   * Contacts a few of the peers that a room named, at random, until enough of them are met or tried. A peer is eligible
   * if it is new, or if `isUntried` holds for it.
   */
  #contactSome(room: Room, isUntried: (contact: Contact) => boolean): void {
    const named = this.#named[room]
    // Channels to other peers do not count. A peer that waits in the room may know no other, and may not be the one to
    // begin.
    const isTried = ({ peer, isOpen, isUnmet, channel }: Contact) =>
      named.has(peer) && (isOpen || (!isUnmet && channel !== undefined))
    const tried = [...this.#contacts.values()].filter(isTried).length
    const untried = [...named].filter((peer) => {
      const contact = this.#contacts.get(peer)
      return contact === undefined || isUntried(contact)
    })
    for (let count = tried; count < bounds.firstContacts && untried.length > 0; count += 1) {
      const at = Math.floor(this.#chance() * untried.length)
      for (const peer of untried.splice(at, 1)) this.#arrived(peer, room)
    }
  }

  #chance(): number {
    return chanceOf(this.#random)
  }

  #contactOf(peer: PeerId): Contact | undefined {
    const known = this.#contacts.get(peer)
    if (known !== undefined || peer === this.self) return known
    // Idle contacts are deleted only for want of room, since they remember the peers dropped for good.
    if (this.#contacts.size >= bounds.peersMax)
      for (const [old, contact] of this.#contacts) if (contact.isIdle) this.#contacts.delete(old)
    if (this.#contacts.size >= bounds.peersMax) return undefined
    const contact = new Contact(peer)
    this.#contacts.set(peer, contact)
    return contact
  }

  #initiate(contact: Contact): void {
    if (contact.channel !== undefined || !contact.isDesired || this.#handlers === undefined) return
    if (!this.#hasRoomFor(contact)) {
      this.#tryLater(contact)
      return
    }
    if (compareText(this.self, contact.peer) < 0) {
      if (this.#hasNoRoute) this.#openLocally(contact)
      this.#open(contact, bytesToHex(this.#random.bytes(8)), 'initiator')
    } else if (contact.wanted) {
      this.#retry(contact, bounds.inviteMs, () => {
        if (contact.channel !== undefined || contact.isOpen || !contact.wanted) return
        this.#say(contact, encodeSignal('', { type: 'invite' }))
        this.#retry(contact, bounds.connectTimeoutMs, () => this.#initiate(contact))
      })
    }
  }

  /** True if there may be a channel to the peer. Channels that have begun count, since they may open at any time. */
  #hasRoomFor(contact: Contact): boolean {
    const others = [...this.#contacts.values()].filter((other) => other !== contact && other.hasChannel)
    return this.#handlers?.admits(others.length) === true
  }

  /** An attempt has failed. Another one follows, later each time. */
  #tryLater(contact: Contact): void {
    contact.failures += 1
    const pause = Math.min(bounds.reconnectLastMs, bounds.reconnectFirstMs * 2 ** (contact.failures - 1))
    const pauseMs = contact.local === undefined ? pause : bounds.localRetryMs
    this.#retry(contact, pauseMs, () => this.#initiate(contact))
    this.#review()
  }

  /** Plans a task for a contact after a while, in place of the one planned before. */
  #retry(contact: Contact, delayMs: number, task: () => void): void {
    contact.cancelRetry()
    contact.cancelRetry = this.#clock.after(delayMs * (0.75 + this.#chance() / 2), () => {
      if (this.#handlers !== undefined && this.#contacts.get(contact.peer) === contact) task()
    })
  }

  // Introductions

  /** Tells a peer something by the first way that takes it: tab to tab, the way last heard, the servers, the mesh. */
  #say(contact: Contact, body: string): void {
    const { peer, present, way } = contact
    const { servers, tabs } = this.#meeting
    const ways: Record<Way, () => boolean> = {
      tabs: () => tabs?.send(peer, body) === true,
      servers: () => present.has('servers') && servers.send(peer, body),
      mesh: () => {
        this.#handlers?.introduce(peer, body)
        return true
      },
    }
    const order: readonly Way[] = ['tabs', ...(way === undefined ? [] : [way]), 'servers', 'mesh']
    order.some((each) => ways[each]())
  }

  introduced(from: PeerId, body: string): void {
    this.#signaled(from, body, 'mesh')
  }

  #signaled(from: PeerId, body: string, way: Way): void {
    const message = decodeSignal(body)
    if (message === null || from === this.self || this.#handlers === undefined) return
    const contact = this.#contactOf(from)
    if (contact === undefined || contact.dropped) return
    contact.way = way
    // A peer that says something in a room is there.
    if (way !== 'mesh') contact.present.add(way)
    this.#act(contact, message)
  }

  #act(contact: Contact, { attempt, signal }: SignalBody): void {
    const isFirst = compareText(this.self, contact.peer) < 0
    if (signal.type === 'invite') {
      if (!isFirst || contact.isOpen) return
      contact.wanted = true
      this.#initiate(contact)
      return
    }
    if (signal.type === 'local') {
      this.#openLocally(contact)
      return
    }
    if (signal.type === 'offer' && attempt !== contact.attempt && !isFirst) {
      // The initiator began anew, so our channel is dead at its end.
      contact.channel?.end('closed')
      if (!this.#hasRoomFor(contact)) return
      this.#open(contact, attempt, 'responder')
      contact.channel?.signal(signal)
      for (const early of contact.takeEarly(attempt)) contact.channel?.signal(early)
    } else if (attempt === contact.attempt) contact.channel?.signal(signal)
    else if (!isFirst) contact.keepEarly(attempt, signal)
  }

  // Channels

  #open(contact: Contact, attempt: string, role: 'initiator' | 'responder'): void {
    contact.attempt = attempt
    const channel = new WebRtcChannel(role, this.#config(), this.#clock, {
      opened: (binding) => this.#opened(contact, binding),
      message: (message) => this.#handlers?.message(contact.peer, message),
      signal: (signal) => this.#say(contact, encodeSignal(attempt, signal)),
      closed: (reason) => this.#closed(contact, channel, reason),
    })
    contact.channel = channel
  }

  #opened(contact: Contact, binding: Uint8Array | null): void {
    contact.failures = 0
    this.#hasNoRoute = false
    const { local } = contact
    // Messages move over. Those under way through the broadcast channel arrive within a moment.
    if (local !== undefined) this.#clock.after(bounds.inviteMs, () => local.end())
    this.#tellOpen(contact, binding)
  }

  #tellOpen(contact: Contact, binding: Uint8Array | null): void {
    if (!contact.told) {
      contact.told = true
      this.#handlers?.opened(contact.peer, binding)
    }
    this.#review()
  }

  #closed(contact: Contact, channel: WebRtcChannel, reason: CloseReason): void {
    if (contact.channel !== channel) return
    contact.channel = undefined
    // The way to the peer may have changed, and has to show again.
    contact.way = undefined
    if (reason === 'no-route') {
      this.#hasNoRoute = true
      if (!contact.isOpen) this.#openLocally(contact)
    }
    this.#ended(contact, reason)
    if (reason === 'timeout' && contact.failures + 1 >= bounds.goneAfterFailures) this.#takeForGone(contact)
    this.#tryLater(contact)
    for (const room of ['servers', 'tabs'] as const)
      if (this.#listening || room === 'tabs') this.#contactSome(room, (other) => other.isUnmet && other.failures === 0)
  }

  /** A crashed tab says no goodbye. After some attempts it is taken for gone from the room, until it is heard again. */
  #takeForGone(contact: Contact): void {
    contact.present.delete('tabs')
    this.#named.tabs.delete(contact.peer)
    this.#meeting.tabs?.forget(contact.peer)
  }

  /** One way to a peer has ended. If it was the last, the node hears of it, also of an attempt that never opened. */
  #ended(contact: Contact, reason: CloseReason): void {
    if (contact.isOpen) return
    contact.told = false
    this.#handlers?.closed(contact.peer, reason)
  }

  /** Talks to another tab of this browser through the broadcast channel, since WebRTC has no address to reach it. */
  #openLocally(contact: Contact): void {
    const { tabs } = this.#meeting
    if (tabs === null || !tabs.has(contact.peer) || contact.isOpen || !this.#hasRoomFor(contact)) return
    const link = tabs.link(contact.peer, {
      message: (message) => this.#handlers?.message(contact.peer, message),
      closed: () => {
        if (contact.local === link) contact.local = undefined
        if (link.isUnanswered) this.#takeForGone(contact)
        if (contact.told) this.#ended(contact, 'closed')
        this.#review()
      },
    })
    contact.local = link
    tabs.send(contact.peer, encodeSignal('', { type: 'local' }))
    this.#tellOpen(contact, null)
  }
}
