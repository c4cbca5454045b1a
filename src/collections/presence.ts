/**
 * Presence: what each member shows of itself right now, such as a cursor (not in the paper). It is never stored.
 *
 * A node tells each other member its state, one message at a time. So a slow member skips states, and never the last.
 * Nothing is repeated while nothing changes: SWIM knows who is there, and a member that comes is told once.
 */
import { TabringError } from '../errors.ts'
import type { EnteredDefinition, Messaging } from '../node/api/named-requests.ts'
import { messagingOf } from '../node/messaging.ts'
import { call, type Live, LiveState } from './live.ts'

/** The state that this node shows to the others, and those that they show. */
export interface Presence<P extends object, E = unknown> {
  /** The state that this node shows. */
  readonly mine: P
  /** The states of the other members that are awake, by member id. The same map until it changes. */
  readonly others: Live<ReadonlyMap<string, P>>
  /**
   * Changes some fields of this node's state. Others see the last state, and at most 30 a second. Throws
   * `invalid-value`, or `value-too-large` beyond 4 KiB encoded: then nothing has changed.
   * @example here.set({ cursor: 12 })
   */
  set(patch: Partial<P>): void
  /**
   * Sends an event to one member, or to all that are awake: at most once, and never stored. Throws `overloaded` beyond
   * 30 a second.
   * @example here.send({ wave: true })
   */
  send(event: E, to?: string): void
  /**
   * Calls `listener` with each event that comes, until the returned function is called.
   * @example const stop = here.on((event, from) => console.log(from, event))
   */
  on(listener: (event: E, from: string) => void): () => void
  /**
   * Shows nothing any more, and sees nothing. `node.presence` enters anew.
   * @example here.leave()
   */
  leave(): void
}

/** A presence as `node.presence` takes it. `P`: its states. `E`: its events. */
export type PresenceDefinition<P extends object, E = unknown> = EnteredDefinition<P, Presence<P, E>>

/**
 * Defines a presence: its name, and the types of its states and events. Throws `invalid-option`.
 *
 * @example
 * const Cursors = definePresence<{ cursor: number }>('cursors')
 */
export function definePresence<P extends object = Record<string, unknown>, E = unknown>(
  name: string,
): PresenceDefinition<P, E> {
  if (typeof name !== 'string' || !name) throw new TabringError('invalid-option', 'a presence needs a name')
  const entered = new WeakMap<Messaging, Entered<P, E>>()
  return {
    name,
    enter: (inside, initial) => {
      const messaging = messagingOf(inside)
      const known = entered.get(messaging)
      if (known !== undefined && !known.hasLeft) return known
      const presence = new Entered<P, E>(messaging, name, initial)
      known?.forget()
      entered.set(messaging, presence)
      return presence
    },
  }
}

/** A node sends so many states a second to one member, which an eye takes for smooth, and so many events to all. */
const perSecondMax = 30
/** A node sends so many states a second to all members together. In large rings more are skipped. */
const messagesPerSecondMax = 1_000
/** A state that was not heard is sent again after a pause, which doubles up to the longest. */
const retryMs = 500
const retryMsMax = 16_000

/** The place of a state among those of its member: a later boot comes after an earlier one. */
type Stamp = readonly [boot: number, count: number]

const isLater = ([boot, count]: Stamp, [otherBoot, otherCount]: Stamp) =>
  boot > otherBoot || (boot === otherBoot && count > otherCount)

/** A message as it comes: a state, or an event. `asks`: the sender knows no state of the receiver. */
type Heard =
  | { readonly kind: 'state'; readonly stamp: Stamp; readonly asks: boolean; readonly state: object | null }
  | { readonly kind: 'event'; readonly event: unknown }

/** Reads what another member sent. Null if it makes no sense. */
function parsed(value: unknown): Heard | null {
  if (!Array.isArray(value)) return null
  if (value.length === 1) return { kind: 'event', event: value[0] }
  const [boot, count, asks, state] = value
  const isCount = (each: unknown): each is number => Number.isSafeInteger(each)
  if (!isCount(boot) || !isCount(count) || typeof asks !== 'boolean' || typeof state !== 'object') return null
  return { kind: 'state', stamp: [boot, count], asks, state }
}

/** One other member, and what has passed between it and this node. */
interface Line {
  /** The line is replaced when the member may have forgotten this node, or the other way round. */
  readonly name: string
  /** The count of the state that it has heard; 0 for none. */
  told: number
  /** The last state that came from it. */
  stamp: Stamp
  /** Its own state is not known yet: this node asks for it. */
  asks: boolean
  /** Times that it has asked. */
  asked: number
  /** It does not listen. It asks when it does. */
  isDeaf: boolean
  isTelling: boolean
}

class Entered<P extends object, E> implements Presence<P, E> {
  readonly others = new LiveState<ReadonlyMap<string, P>>(new Map())
  readonly #messaging: Messaging
  readonly #name: string
  readonly #listeners = new Set<(event: E, from: string) => void>()
  readonly #lines = new Map<string, Line>()
  readonly #stops: readonly (() => void)[]
  #mine = {} as P
  hasLeft = false
  /** The count of the state that this node shows, and the message that tells it: without the question, and with it. */
  #count = 0
  #tells: Uint8Array = new Uint8Array()
  #asks: Uint8Array = new Uint8Array()
  #eventsAt: readonly number[] = []

  constructor(messaging: Messaging, name: string, initial: P) {
    this.#messaging = messaging
    this.#name = name
    this.set(initial)
    this.#stops = [
      messaging.hear(name, (value, from) => this.#heard(from, parsed(value))),
      messaging.onMembers(() => this.#review()),
    ]
    this.#review()
  }

  get mine(): P {
    return this.#mine
  }

  set(patch: Partial<P>): void {
    const mine = { ...this.#mine, ...patch }
    this.#show(this.hasLeft ? null : mine)
    this.#mine = mine
  }

  send(event: E, to?: string): void {
    const now = this.#messaging.now()
    const body = this.#messaging.encode([event])
    this.#eventsAt = this.#eventsAt.filter((at) => at > now - 1_000)
    if (this.#eventsAt.length >= perSecondMax)
      throw new TabringError('overloaded', `a presence sends at most ${perSecondMax} events a second`)
    this.#eventsAt = [...this.#eventsAt, now]
    if (this.hasLeft) return
    // At most once: an event that is lost is not sent again.
    for (const [node, { isDeaf }] of this.#lines)
      if (!isDeaf && (to === undefined || to === node)) this.#messaging.tell(node, this.#name, body).catch(() => {})
  }

  on(listener: (event: E, from: string) => void): () => void {
    const entry = (event: E, from: string) => listener(event, from)
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  leave(): void {
    if (this.hasLeft) return
    for (const stop of this.#stops) stop()
    this.hasLeft = true
    this.#show(null)
    this.others.show(new Map())
  }

  /** Says nothing more: this node has entered anew, and that is what others hear. */
  forget(): void {
    this.#lines.clear()
  }

  /** Encodes the state at once: the application may change its objects later. */
  #show(state: P | null): void {
    const count = this.#messaging.count()
    const encode = (asks: boolean) => this.#messaging.encode([this.#messaging.boot(), count, asks, state])
    const [tells, asks] = [encode(false), encode(true)]
    this.#count = count
    this.#tells = tells
    this.#asks = asks
    this.#tellEach()
  }

  /** Members have come or gone, or begun anew, or this node has ended. */
  #review(): void {
    if (!this.#messaging.isOpen()) {
      this.leave()
      return
    }
    const awake = this.#messaging.awake()
    for (const node of this.#lines.keys()) {
      if (awake.has(node)) continue
      this.#lines.delete(node)
      this.#hides(node)
    }
    for (const [node, name] of awake) {
      // The member's former state stays until it is told anew, or does not listen any more.
      if (this.#lines.get(node)?.name === name) continue
      this.#lines.set(node, { name, told: 0, stamp: [-1, 0], asks: true, asked: 0, isDeaf: false, isTelling: false })
    }
    this.#tellEach()
  }

  #hides(node: string): void {
    if (!this.others.current.has(node)) return
    this.others.show(new Map([...this.others.current].filter(([other]) => other !== node)))
  }

  #heard(from: string, message: Heard | null): void {
    if (message === null) return
    if (message.kind === 'event') {
      // A copy: a listener may begin to listen anew, and hears this event once all the same.
      for (const listener of [...this.#listeners]) call((event) => listener(event, from), message.event as E)
      return
    }
    const { stamp, asks, state } = message
    const line = this.#lines.get(from)
    // Its state is shown once it is known to be awake: then this node asks.
    if (line === undefined) return
    if (asks) {
      line.told = 0
      line.asked += 1
    }
    line.asks = false
    if (isLater(stamp, line.stamp)) {
      line.stamp = stamp
      line.isDeaf = state === null
      if (state === null) this.#hides(from)
      else this.others.show(new Map([...this.others.current, [from, state as P]]))
    }
    void this.#tellAll(from, line)
  }

  #tellEach(): void {
    for (const [node, line] of this.#lines) void this.#tellAll(node, line)
  }

  /** Tells a member what it has not heard, until it has heard the last. */
  async #tellAll(node: string, line: Line): Promise<void> {
    if (line.isTelling) return
    line.isTelling = true
    let pauseMs = retryMs
    while (this.#isDue(node, line)) {
      const isHeard = await this.#tell(node, line)
      await this.#messaging.pause(isHeard ? this.#intervalMs : pauseMs)
      pauseMs = isHeard ? retryMs : Math.min(2 * pauseMs, retryMsMax)
    }
    line.isTelling = false
  }

  #isDue(node: string, line: Line): boolean {
    if (!this.#messaging.isOpen() || this.#lines.get(node) !== line || line.isDeaf) return false
    // After this node has left, it hears no more of members that go.
    if (this.hasLeft) return line.told < this.#count && this.#messaging.awake().has(node)
    return line.told < this.#count || line.asks
  }

  /** Resolves with false if the member could not be told. */
  async #tell(node: string, line: Line): Promise<boolean> {
    const { asks, asked } = line
    const count = this.#count
    const body = asks ? this.#asks : this.#tells
    const listens = await this.#messaging.tell(node, this.#name, body).catch(() => null)
    if (listens === null) return false
    // It has entered, or entered anew, since it was told. It is told again.
    if (line.asked > asked || this.#lines.get(node) !== line) return true
    line.told = count
    line.asks &&= !asks
    line.isDeaf = !listens
    if (!listens) this.#hides(node)
    return true
  }

  get #intervalMs(): number {
    return Math.max(1_000 / perSecondMax, (1_000 * this.#lines.size) / messagesPerSecondMax)
  }
}
