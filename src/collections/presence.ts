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

/** What this node shows to the others, and what they show. */
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
  /** Shows nothing any more, and sees nothing. `node.presence` enters anew. */
  leave(): void
}

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
  if (typeof name !== 'string' || name === '')
    throw new TabringError('invalid-option', 'a presence has a name: a text that is not empty')
  const entered = new WeakMap<Messaging, Entered<P, E>>()
  return {
    name,
    enter: (inside, initial) => {
      const messaging = messagingOf(inside)
      const known = entered.get(messaging)
      if (known !== undefined && !known.hasLeft) return known
      const presence = new Entered<P, E>(messaging, name, initial, (known?.count ?? 0) + 1)
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

/** What a node has told another member. */
interface Line {
  /** The boot of the member. */
  readonly boot: string
  /** The count of the state that it has heard; 0 for none. */
  told: number
  /** Its own state is not known yet. */
  asks: boolean
  /** States that have come from it. */
  heard: number
  /** It does not listen. */
  isDeaf: boolean
  isTelling: boolean
}

class Entered<P extends object, E> implements Presence<P, E> {
  readonly others = new LiveState<ReadonlyMap<string, P>>(new Map())
  readonly #messaging: Messaging
  readonly #name: string
  readonly #boot: number
  readonly #listeners = new Set<(event: E, from: string) => void>()
  readonly #lines = new Map<string, Line>()
  readonly #stamps = new Map<string, Stamp>()
  readonly #stops: readonly (() => void)[]
  #mine: P
  /** Null once this node has left. */
  #shown: P | null
  /** Of the states that this boot has shown. */
  count: number
  #eventsAt: readonly number[] = []

  constructor(messaging: Messaging, name: string, initial: P, count: number) {
    this.count = count
    this.#messaging = messaging
    this.#name = name
    this.#mine = initial
    this.#shown = initial
    this.#boot = messaging.boot()
    this.#message(initial, false)
    this.#stops = [
      messaging.hear(name, (value, from) => this.#heard(from, parsed(value))),
      messaging.onMembers(() => this.#review()),
    ]
    this.#review()
  }

  get hasLeft(): boolean {
    return this.#shown === null
  }

  get mine(): P {
    return this.#mine
  }

  set(patch: Partial<P>): void {
    const mine = { ...this.#mine, ...patch }
    this.#message(mine, false)
    this.#mine = mine
    if (this.hasLeft) return
    this.#shown = mine
    this.count += 1
    this.#tellEach()
  }

  send(event: E, to?: string): void {
    const now = this.#messaging.now()
    const body = this.#messaging.encode([event])
    this.#eventsAt = this.#eventsAt.filter((at) => at > now - 1_000)
    if (this.#eventsAt.length >= perSecondMax)
      throw new TabringError('overloaded', `a presence sends at most ${perSecondMax} events a second`)
    this.#eventsAt = [...this.#eventsAt, now]
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
    this.#shown = null
    this.count += 1
    this.#tellEach()
    this.others.show(new Map())
  }

  /** Members have come or gone, or begun anew. */
  #review(): void {
    const awake = this.#messaging.awake()
    for (const node of this.#lines.keys()) if (!awake.has(node)) this.#gone(node)
    for (const [node, boot] of awake) {
      if (this.#lines.get(node)?.boot === boot) continue
      this.#lines.set(node, { boot, told: 0, asks: true, heard: 0, isDeaf: false, isTelling: false })
    }
    this.#tellEach()
  }

  #gone(node: string): void {
    this.#lines.delete(node)
    this.#hides(node)
  }

  #hides(node: string): void {
    this.#stamps.delete(node)
    if (!this.others.current.has(node)) return
    this.others.show(new Map([...this.others.current].filter(([other]) => other !== node)))
  }

  #heard(from: string, message: Heard | null): void {
    if (message === null) return
    if (message.kind === 'event') {
      for (const listener of this.#listeners) call((event) => listener(event, from), message.event as E)
      return
    }
    const { stamp, asks, state } = message
    const line = this.#lines.get(from)
    // It is shown once it is known to be awake, and asked then.
    if (line === undefined) return
    if (asks) line.told = 0
    line.asks = false
    line.heard += 1
    if (isLater(stamp, this.#stamps.get(from) ?? [-1, 0])) {
      line.isDeaf = state === null
      if (state === null) this.#hides(from)
      else this.others.show(new Map([...this.others.current, [from, state as P]]))
      this.#stamps.set(from, stamp)
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
      if (isHeard) continue
      // Who has left tells so once.
      if (this.hasLeft) break
      pauseMs = Math.min(2 * pauseMs, retryMsMax)
    }
    line.isTelling = false
  }

  #isDue(node: string, line: Line): boolean {
    if (!this.#messaging.isOpen() || this.#lines.get(node) !== line || line.isDeaf) return false
    return line.told < this.count || (line.asks && !this.hasLeft)
  }

  async #tell(node: string, line: Line): Promise<boolean> {
    const { asks, heard } = line
    const count = this.count
    const body = this.#message(this.#shown, asks)
    const listens = await this.#messaging.tell(node, this.#name, body).catch(() => null)
    if (listens === null) return false
    // It began to listen while it was told in vain.
    if (!listens && line.heard > heard) return true
    line.told = count
    line.asks &&= !asks
    if (listens) return true
    // It listens to nothing of this name. It asks when it does.
    line.isDeaf = true
    this.#hides(node)
    return true
  }

  /** The message that tells a state of this node. Throws if it is too large, or no plain data. */
  #message(state: P | null, asks: boolean): Uint8Array {
    return this.#messaging.encode([this.#boot, this.count, asks, state])
  }

  get #intervalMs(): number {
    return Math.max(1_000 / perSecondMax, (1_000 * this.#lines.size) / messagesPerSecondMax)
  }
}
