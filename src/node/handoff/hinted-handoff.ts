/**
 * Hinted handoff: hints on their way to their owners (Dynamo, section 4.6).
 *
 * A hint is delivered when its target is back. It is deleted only after the target has it strictly durable. If the
 * target no longer owns the key, or has left, the hint is readdressed to the present owners. Owners keep no hints: an
 * owner that was away gets the records of the others in an exchange. So a keeper that comes to own the key joins the
 * hint to its own record.
 */
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import { partsOf } from '../../core/versioning/parts.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Events } from '../api/events.ts'
import { hintStep, type Trace } from '../api/trace.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import { BackOff } from '../scheduling/back-off.ts'
import { SingleFlight } from '../scheduling/single-flight.ts'
import { inTimeSlices } from '../scheduling/time-slices.ts'
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
  readonly throttle: Throttle
  readonly events: Events
  readonly trace: Trace
  /** Bytes of values of one hint that one message carries. */
  readonly partBytes: number
}

export class HintedHandoff {
  readonly #clock: Clock
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #replica: Replica
  readonly #throttle: Throttle
  readonly #events: Events
  readonly #trace: Trace
  readonly #deliveries = new SingleFlight()
  readonly #backOff: BackOff<'hints'>
  readonly #partBytes: number
  /** True if hints may be due elsewhere than where they are addressed to. So they may after a start. */
  #isStale = true
  #readdressing: Promise<void> | null = null

  constructor(parts: HandoffParts) {
    const pauses = { firstMs: bounds.retryFirstMs, lastMs: bounds.retryLastMs }
    this.#backOff = new BackOff(parts.clock, parts.chance, pauses)
    this.#clock = parts.clock
    this.#peers = parts.peers
    this.#routing = parts.routing
    this.#replica = parts.replica
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

  /** Readdresses all hints that are due elsewhere by now, and delivers those of every target within reach. */
  async sweep(): Promise<void> {
    this.#isStale = true
    await this.#readdress()
    for (const target of await this.#targets()) if (this.#peers.isReachable(target)) await this.deliverTo(target)
  }

  /** Hints have been kept. Meanwhile this node may have come to own their keys. */
  kept(keys: readonly StoredKey[]): void {
    if (keys.some((key) => this.#isOwner(this.#routing.self, key))) this.#isStale = true
  }

  /** Retries what failed and is due. */
  async #retry(): Promise<void> {
    this.#backOff.keep((node) => this.#routing.isPlaced(node))
    if ((await this.#targets()).some((target) => !this.#routing.isPlaced(target))) this.#isStale = true
    await this.#readdress()
    for (const target of await this.#targets())
      if (this.#peers.isReachable(target) && !this.#isSpared(target)) await this.deliverTo(target)
  }

  #targets(): Promise<readonly NodeId[]> {
    return this.#replica.hints.targets().catch(() => [])
  }

  /** True if a target is sent nothing for now: its store accepts no records, or it refused some hints a moment ago. */
  #isSpared(target: NodeId): boolean {
    return !this.#routing.takesIn(target) || this.#backOff.waits(target)
  }

  /** A node has come into reach, or has said that its store accepts records again. Or this one leaves. */
  met(node: NodeId): void {
    this.#backOff.reset(node)
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
        const due = page.filter((key) => owed.has(key))
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
    const kept = await this.#throttle.work(() => this.#replica.hints.of(keys))
    this.#throttle.saw(kept.length, sizeOf(kept))
    const due = kept.filter(({ key }) => this.#isOwner(target, key))
    // A node with another view of the ring asked for the others.
    if (due.length < kept.length) this.#isStale = true
    for (const batch of batchesOf(due)) {
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
    await this.#replica.hints.settle(target, batch)
    this.#events.emit('handoff', { to: target, keys: batch.length, remaining: this.#replica.hints.size })
  }

  /** Sends a batch. A hint larger than a message is a batch by itself, and travels in parts. */
  async #send(target: NodeId, batch: readonly KeyedRecord[]): Promise<void> {
    const [hint] = batch
    const parts = hint === undefined || batch.length > 1 ? [] : partsOf(hint.record, this.#partBytes)
    if (hint === undefined || parts.length < 2) await deliver(this.#peers, target, batch, 'hint')
    else for (const record of parts) await deliver(this.#peers, target, [{ key: hint.key, record }], 'hint')
  }

  #isOwner(node: NodeId, key: StoredKey): boolean {
    return this.#routing.ownersOf(partitionOf(key)).includes(node)
  }

  /** Readdresses all hints that are due elsewhere, if there may be any. What fails is tried again. */
  #readdress(): Promise<void> {
    this.#readdressing ??= this.#readdressAll()
      .catch(() => {
        this.#isStale = true
        this.#events.trouble.hints += 1
      })
      .finally(() => {
        this.#readdressing = null
      })
    return this.#readdressing
  }

  async #readdressAll(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false
      for (const target of await this.#replica.hints.targets()) {
        const owed = await this.#replica.hints.owedTo(target)
        const keys = await inTimeSlices(this.#clock, this.#elsewhere(target, [...owed]))
        for (let next = 0; next < keys.length; ) {
          const page = keys.slice(next, next + this.#throttle.records)
          next += page.length
          await this.#throttle.work(() => this.#readdressPage(target, page))
        }
      }
    }
  }

  /** Keys of the hints for a target that are due elsewhere: it does not own them, or this node does. */
  *#elsewhere(target: NodeId, owed: readonly StoredKey[]): Generator<void, readonly StoredKey[]> {
    const found: StoredKey[] = []
    for (const key of owed) {
      if (!this.#isOwner(target, key) || this.#isOwner(this.#routing.self, key)) found.push(key)
      yield
    }
    return found
  }

  /** Joins hints to this node's own records if it is an owner, and else keeps them for the present owners. */
  async #readdressPage(target: NodeId, keys: readonly StoredKey[]): Promise<void> {
    const kept = await this.#replica.hints.of(keys)
    const moved = kept.map(({ key, record }) => {
      const owners = this.#routing.ownersOf(partitionOf(key))
      return { key, record, hintFor: owners.filter((owner) => owner !== this.#routing.self) }
    })
    const { hinted } = await this.#replica.take(moved, 'strict')
    const own = kept.filter(({ key }) => !hinted.has(key))
    // Taking changed the rows of the others, so the stored hints are settled. The target may own the key again by now:
    // then its hint stays.
    const stored = await this.#replica.hints.of([...hinted.keys()])
    const isOver = ({ key }: KeyedRecord) => !this.#isOwner(target, key)
    await this.#replica.hints.settle(target, [...own, ...stored.filter(isOver)])
  }
}
