/**
 * Hinted handoff: hints on their way to their owners (Dynamo, section 4.6).
 *
 * A hint is delivered when its target is back. It is deleted only after the target has it strictly durable. If the
 * target no longer owns the key, or has left, the hint is readdressed to the present owners. A keeper that owns the key
 * too may have delivered the record in an exchange already: then the hint is not sent.
 */
import { bounds } from '../../core/bounds.ts'
import { keyHashOf, partitionOf } from '../../core/hash.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import { partsOf } from '../../core/versioning/parts.ts'
import { holdsAll, type Record } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Exchange } from '../anti-entropy/exchange.ts'
import type { Events } from '../api/events.ts'
import { hintStep, type Trace } from '../api/trace.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import { BackOff } from '../scheduling/back-off.ts'
import { SingleFlight } from '../scheduling/single-flight.ts'
import { repeat } from '../scheduling/timers.ts'
import type { Replica } from '../storage/replica.ts'
import { batchesOf, deliver, sizeOf } from '../transfer/batches.ts'
import { Refusals } from '../transfer/refusals.ts'
import type { Throttle } from '../transfer/throttle.ts'

export interface HandoffParts {
  readonly clock: Clock
  readonly chance: () => number
  readonly peers: Peers
  readonly routing: Routing
  readonly replica: Replica
  readonly exchange: Exchange
  readonly throttle: Throttle
  readonly events: Events
  readonly trace: Trace
  /** Bytes of values of one hint that one message carries. */
  readonly partBytes: number
}

export class HintedHandoff {
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #replica: Replica
  readonly #exchange: Exchange
  readonly #throttle: Throttle
  readonly #events: Events
  readonly #trace: Trace
  readonly #deliveries = new SingleFlight()
  readonly #backOff: BackOff<'hints'>
  readonly #partBytes: number
  #isHurried = false

  constructor(parts: HandoffParts) {
    const pauses = { firstMs: bounds.retryFirstMs, lastMs: bounds.retryLastMs }
    this.#backOff = new BackOff(parts.clock, parts.chance, pauses)
    this.#peers = parts.peers
    this.#routing = parts.routing
    this.#replica = parts.replica
    this.#exchange = parts.exchange
    this.#throttle = parts.throttle
    this.#events = parts.events
    this.#trace = parts.trace
    this.#partBytes = parts.partBytes
  }

  /**
   * Retries hints regularly, until the returned function is called. A target may have become able to take them without
   * notice.
   */
  start(clock: Clock, chance: () => number): () => void {
    return repeat(clock, bounds.handoffIntervalMs, chance, () => this.#retry())
  }

  /**
   * Delivers the hints of every target within reach, and readdresses those of every target that has no place any more.
   */
  async sweep(): Promise<void> {
    for (const target of await this.#replica.hints.targets().catch(() => [])) {
      if (this.#peers.isReachable(target) || !this.#routing.isPlaced(target)) await this.deliverTo(target)
    }
  }

  /** Retries failed deliveries that are due. */
  async #retry(): Promise<void> {
    this.#backOff.keep((node) => this.#routing.isPlaced(node))
    for (const target of await this.#replica.hints.targets().catch(() => [])) {
      const isDue = this.#peers.isReachable(target) && !this.#isSpared(target)
      if (isDue || !this.#routing.isPlaced(target)) await this.deliverTo(target)
    }
  }

  /** True if a target is sent nothing for now: its store accepts no records, or it refused some hints a moment ago. */
  #isSpared(target: NodeId): boolean {
    return !this.#routing.takesIn(target) || (this.#backOff.waits(target) && !this.#isHurried)
  }

  /** A node has come into reach, or has said that its store accepts records again. */
  met(node: NodeId): void {
    this.#backOff.reset(node)
  }

  /** This node leaves. From now on it delivers hints without waiting for an exchange or a back-off. */
  hurry(): void {
    this.#isHurried = true
  }

  /** Delivers all hints for `target`, or as many as it takes. Never rejects: a hint that fails stays here. */
  deliverTo(target: NodeId): Promise<void> {
    return this.#deliveries.run(target, () => this.#deliver(target))
  }

  async #deliver(target: NodeId): Promise<void> {
    const refusals = new Refusals()
    try {
      const owed = await this.#replica.hints.owedTo(target)
      const keys = [...owed]
      for (let next = 0; next < keys.length; ) {
        const page = keys.slice(next, next + this.#throttle.records)
        next += page.length
        // Some hints may have gone another way meanwhile.
        const due = page.filter((key) => owed.has(key) && !this.#goesByExchange(target, key))
        if (due.length > 0) await this.#deliverPage(target, due, refusals)
      }
    } catch {
      // The target is unreachable, or a store failed. The hints stay, and are tried again.
      refusals.refused(null)
      this.#events.trouble.hints += 1
    }
    if (refusals.total > 0) this.#backOff.failed(target, 'hints')
    else if (!this.#backOff.waits(target)) this.#backOff.reset(target)
  }

  async #deliverPage(target: NodeId, keys: readonly StoredKey[], refusals: Refusals): Promise<void> {
    // Own records first. Reading may prune them, and each hint learns before that what they had overwritten.
    const own = await this.#ownOfShared(target, keys)
    const kept = await this.#throttle.work(() => this.#replica.hints.of(keys))
    this.#throttle.saw(kept.length, sizeOf(kept))
    const isDue = (hint: KeyedRecord) => this.#isDue(target, hint)
    await this.#readdress(
      target,
      kept.filter((hint) => !isDue(hint)),
    )
    const due = kept.filter(isDue)
    const there = due.filter((hint) => this.#isBroughtHome(target, hint, own.get(hint.key)))
    if (there.length > 0) await this.#settle(target, there)
    for (const batch of batchesOf(due.filter((hint) => !there.includes(hint)))) {
      if (refusals.areEnough || this.#isSpared(target)) return
      try {
        await this.#deliverBatch(target, batch)
        refusals.taken()
      } catch (error) {
        refusals.refused(error)
        // One hint that is refused must not delay the others.
        if (!this.#peers.isReachable(target)) throw error
      }
    }
  }

  async #deliverBatch(target: NodeId, batch: readonly KeyedRecord[]): Promise<void> {
    await this.#send(target, batch)
    this.#trace.tell?.(hintStep('delivered', [target], batch))
    await this.#settle(target, batch)
  }

  /** Sends a batch. A hint larger than a message is a batch by itself, and travels in parts. */
  async #send(target: NodeId, batch: readonly KeyedRecord[]): Promise<void> {
    const [hint] = batch
    const parts = hint === undefined || batch.length > 1 ? [] : partsOf(hint.record, this.#partBytes)
    if (hint === undefined || parts.length < 2) await deliver(this.#peers, target, batch, 'hint')
    else for (const record of parts) await deliver(this.#peers, target, [{ key: hint.key, record }], 'hint')
  }

  #isDue(target: NodeId, { key }: KeyedRecord): boolean {
    return this.#routing.ownersOf(partitionOf(key)).includes(target)
  }

  /**
   * True if an exchange under way transfers this key to the target anyway. The next sweep delivers those that it did
   * not.
   */
  #goesByExchange(target: NodeId, key: StoredKey): boolean {
    return !this.#isHurried && this.#exchange.underWay.includes(target) && this.#routing.owns(partitionOf(key))
  }

  async #settle(target: NodeId, batch: readonly KeyedRecord[]): Promise<void> {
    await this.#replica.hints.settle(target, batch)
    this.#events.emit('handoff', { to: target, keys: batch.length, remaining: this.#replica.hints.size })
  }

  /** This node's own records of those keys whose partitions the target holds all of, flushed. */
  async #ownOfShared(target: NodeId, keys: readonly StoredKey[]): Promise<ReadonlyMap<StoredKey, Record>> {
    const shared = keys.filter((key) => this.#exchange.hasAll(target, partitionOf(key)))
    const own = shared.length === 0 ? [] : await this.#replica.records(shared.map(keyHashOf))
    return new Map(own.map(({ key, record }) => [key, record]))
  }

  /** True if the target holds all that a hint says: an own record that covers the hint is there, flushed. */
  #isBroughtHome(target: NodeId, hint: KeyedRecord, own: Record | undefined): boolean {
    return own !== undefined && this.#exchange.hasAll(target, partitionOf(hint.key)) && holdsAll(own, hint.record)
  }

  async #readdress(target: NodeId, kept: readonly KeyedRecord[]): Promise<void> {
    if (kept.length === 0) return
    const moved = kept.map(({ key, record }) => {
      const owners = this.#routing.ownersOf(partitionOf(key))
      return { key, record, hintFor: owners.filter((owner) => owner !== this.#routing.self) }
    })
    await this.#throttle.work(() => this.#replica.take(moved, 'strict'))
    // Taking changed the rows, so the stored hints are settled. The target may own the key again by now: then its hint
    // stays.
    const stored = await this.#replica.hints.of(kept.map(({ key }) => key))
    await this.#replica.hints.settle(
      target,
      stored.filter((hint) => !this.#isDue(target, hint)),
    )
  }
}
