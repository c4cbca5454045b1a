/**
 * Messaging: ephemeral messages from member to member (not in the paper).
 *
 * A message is a request: it is relayed where there is no channel, and the sender hears if it has come. Made for the
 * first definition that needs it, as `access.ts` is.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId } from '../core/ids.ts'
import { isAwake } from '../core/membership/member-list.ts'
import { TabringError } from '../errors.ts'
import { utf8Length } from './api/config.ts'
import type { Inside, Messaging } from './api/named-requests.ts'
import type { Parts } from './assembly.ts'
import { RequestFailure } from './network/request-failure.ts'
import type { Opened } from './requests.ts'
import { pause } from './scheduling/timers.ts'

type Listener = (value: unknown, from: string) => void

/** The messages of a node. The same for all its definitions. */
export function messagingOf(inside: Inside): Messaging {
  const opened = inside as unknown as Opened
  opened.messaging ??= new Messages(opened.parts)
  return opened.messaging
}

class Messages implements Messaging {
  readonly #parts: Parts
  readonly #listeners = new Map<string, Listener>()
  #count = 0

  constructor(parts: Parts) {
    this.#parts = parts
    parts.peers.on.ephemeral = (from, topic, body) => this.#heard(from, topic, body)
  }

  encode(value: unknown): Uint8Array {
    const bytes = this.#parts.values.encode(value)
    if (bytes.length <= bounds.ephemeralBytesMax) return bytes
    const text = `a message to members has at most ${bounds.ephemeralBytesMax} bytes, not ${bytes.length}`
    throw new TabringError('value-too-large', text)
  }

  async tell(node: string, topic: string, body: Uint8Array): Promise<boolean> {
    try {
      await this.#parts.peers.request(node as NodeId, { type: 'ephemeral', topic, body })
      return true
    } catch (error) {
      if (error instanceof RequestFailure && error.code === 'closed') return false
      throw error
    }
  }

  hear(topic: string, listener: Listener): () => void {
    this.#parts.lifetime.assertOpen()
    if (utf8Length(topic) > bounds.topicBytesMax)
      throw new TabringError('invalid-option', `a name of a presence has at most ${bounds.topicBytesMax} bytes`)
    if (this.#listeners.has(topic))
      throw new TabringError('invalid-option', `another presence on this node has the name ${topic}. Leave it before.`)
    this.#listeners.set(topic, listener)
    return () => {
      this.#listeners.delete(topic)
    }
  }

  #heard(from: NodeId, topic: string, body: Uint8Array): boolean {
    const listener = this.#listeners.get(topic)
    if (listener === undefined) return false
    const value = this.#parts.values.decode(body)
    if (value === undefined) this.#parts.events.trouble.undecodable += 1
    else listener(value, from)
    return true
  }

  awake(): ReadonlyMap<string, string> {
    const { membership, routing } = this.#parts
    const others = membership.claims.filter((claim) => claim.node !== routing.self && isAwake(claim))
    // A member that has taken this node for gone takes it back with a higher incarnation only.
    const { incarnation } = membership.own
    return new Map(others.map(({ node, peer }) => [node, `${peer} ${incarnation}`]))
  }

  boot(): number {
    return this.#parts.progress.boot
  }

  count(): number {
    this.#count += 1
    return this.#count
  }

  onMembers(listener: () => void): () => void {
    return this.#parts.events.on('members', listener)
  }

  now(): number {
    return this.#parts.ports.clock.now()
  }

  isOpen(): boolean {
    return this.#parts.lifetime.isOpen
  }

  pause(ms: number): Promise<void> {
    return pause(this.#parts.ports.clock, ms)
  }
}
