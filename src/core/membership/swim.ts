/**
 * Membership: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2018), for tabs (Dynamo, 4.8).
 *
 * A node probes one neighbour after the other. It probes a silent one through others, suspects it, and declares it dead
 * if it does not refute in time. Under Lifeguard a slow node judges slowly. Browsers add a rule: a late timer judges no
 * member before queued messages were heard, and tells the node that it is slow. A node without any link is cut off, and
 * judges none.
 *
 * The machine knows neither clocks nor promises: time is an argument, chance and sending are its port's, timers are
 * data.
 */
import { bounds } from '../bounds.ts'
import type { NodeId, ViewHash } from '../ids.ts'
import { type Claim, compareClaims, type MemberView } from './claims.ts'
import { isAwake, type MemberList, type Source } from './member-list.ts'
import type { Mesh } from './mesh.ts'
import { Namesakes } from './namesakes.ts'
import { NewsQueue, Unheard } from './news.ts'
import { shuffled } from './shuffle.ts'
import { Suspicions } from './suspicions.ts'
import type { SwimMessage, SwimOptions, SwimPort, SwimTimer } from './swim-port.ts'
import { transmissions } from './timing.ts'

interface Probe {
  readonly target: NodeId
  readonly sequence: number
  /** Members that probe for us, and the nacks they have sent. */
  expected: number
  nacks: number
  /** Stamp of the suspicion that this probe decides. Null for a probe of the round. */
  readonly verdictOf: number | null
}

/** Unanswered probes made for others. Beyond this many the oldest is forgotten. */
const errandsMax = 256

export class Swim {
  readonly #port: SwimPort
  readonly #options: SwimOptions
  readonly #list: MemberList
  readonly #news = new NewsQueue()
  readonly #suspicions: Suspicions
  readonly #errands = new Map<number, { readonly for: NodeId; readonly sequence: number }>()
  readonly #unheard = new Unheard()
  readonly #namesakes = new Namesakes()
  #order: NodeId[] = []
  /** Probes without an answer yet. One may still wait when the next begins. */
  readonly #probes = new Map<number, Probe>()
  #sequence = 0
  #health = 0
  #isGossiping = false

  constructor(list: MemberList, options: SwimOptions, port: SwimPort) {
    this.#port = port
    this.#options = options
    this.#suspicions = new Suspicions(options)
    this.#list = list
  }

  get view(): MemberView {
    return this.#list.view
  }

  get own(): Claim {
    return this.#list.own
  }

  /** Equal on two nodes that believe the same of all placed members: push-pull then has nothing to exchange. */
  get digest(): ViewHash {
    return this.#list.hash
  }

  /** Members that are awake, this one included if it is. */
  get awake(): readonly NodeId[] {
    return this.#list.awake
  }

  /** 0: well. Each level makes this node wait that much longer before it judges. */
  get health(): number {
    return this.#health
  }

  /** The links between all members that are awake. */
  get mesh(): Mesh {
    return this.#list.mesh
  }

  /** Members that this node keeps a link to. */
  get neighbours(): ReadonlySet<NodeId> {
    return this.mesh.neighboursOf(this.#list.self)
  }

  /** Begins at a random moment of the first interval: tabs that opened together should not probe together. */
  start(now: number): void {
    for (const claim of this.view.values()) if (claim.status === 'suspect') this.#beginSuspicion(claim, claim.node, now)
    this.#arm(this.#port.chance() * this.#options.probeIntervalMs, { kind: 'probe' }, now)
    this.#announce(this.own, now)
  }

  // Messages of other members

  received(from: NodeId, message: SwimMessage, now: number): void {
    for (const { claim, by } of message.news) {
      const held = this.view.get(claim.node)
      if (held !== undefined && compareClaims(claim, held) < 0) this.#unheard.note(from, claim.node)
      this.#take(claim, by, 'news', now)
    }
    switch (message.type) {
      case 'ping':
        this.#send(from, 'ack', message.sequence)
        return
      case 'ping-request':
        if (message.target !== null) this.#runErrand(from, message.target, message.sequence)
        return
      case 'ack':
        this.#acked(from, message.sequence, now)
        return
      case 'nack':
        this.#nacked(message.sequence)
        return
      case 'news':
        return
      default:
        message.type satisfies never
    }
  }

  /** Takes in a whole member list. */
  takeList(from: NodeId, claims: readonly Claim[], now: number): void {
    for (const claim of claims) this.#take(claim, from, 'list', now)
  }

  #take(claim: Claim, by: NodeId, source: Source, now: number): void {
    const intake = this.#list.take(claim, source, now, (node) => this.#port.isLinked(node))
    if (intake.kind === 'adopted') this.#adopted(intake.claim, by, now)
    if (intake.kind === 'confirmed') this.#confirmed(intake.claim, by, now)
    if (intake.kind !== 'refuted') return
    // A suspected node is slow or far away, so it judges more slowly itself (Lifeguard, section 4.1).
    if (intake.claimed.status === 'suspect') this.#worsen(1)
    this.#adopted(intake.claim, this.#list.self, now)
    if (intake.claimed.status === 'out') this.#port.wasOut()
    if (this.#namesakes.refuted(intake.claimed, intake.claim, now)) this.#port.copied(intake.claimed.peer)
  }

  #adopted(claim: Claim, by: NodeId, now: number): void {
    this.#suspicions.end(claim.node)
    if (claim.status === 'suspect') this.#beginSuspicion(claim, by, now)
    this.#news.add({ claim, by })
    this.#gossipSoon(now)
    this.#port.changed(claim, by)
  }

  // Claims of this node, about itself and about others

  #announce(claim: Claim, now: number): void {
    this.#list.claim(claim, now)
    this.#adopted(claim, this.#list.self, now)
  }

  /** This tab is about to sleep. It tells `bounds.farewells` members at once: there is time for a frame each. */
  sleep(now: number): void {
    if (!isAwake(this.own)) return
    this.#announce({ ...this.own, status: 'away' }, now)
    for (const node of this.#pick(bounds.farewells)) this.#send(node, 'news')
  }

  /** Renews the own claim after a sleep or with a change: the new incarnation overrides claims made meanwhile. */
  renew(change: Partial<Pick<Claim, 'status' | 'guest' | 'settled' | 'capacity16ths' | 'storage'>>, now: number): void {
    if (this.own.status === 'left') return
    const incarnation = Math.min(this.own.incarnation + 1, bounds.incarnationMax)
    this.#announce({ ...this.own, ...change, incarnation }, now)
  }

  leave(now: number): void {
    this.#announce({ ...this.own, status: 'left' }, now)
  }

  /** A broken link or an unanswered probe: evidence that starts a suspicion, and no verdict. */
  suspect(node: NodeId, now: number): void {
    const held = this.view.get(node)
    if (held === undefined || this.#port.linked().length === 0) return
    if (held.status === 'alive') this.#announce({ ...held, status: 'suspect' }, now)
    if (held.status === 'suspect') this.#confirmed(held, this.#list.self, now)
  }

  // Time

  fired(timer: SwimTimer, now: number): void {
    const { task } = timer
    if (task.kind === 'probe') this.#nextProbe(now)
    else if (task.kind === 'gossip') this.#gossip(now)
    else if (!this.#matters(task)) return
    else if (this.#isLate(timer, now)) this.#arm(bounds.drainMs, task, now, true)
    else if (task.kind === 'suspicion') this.#suspicionEnded(task.node, task.stamp, now)
    else this.#unanswered(task.kind, task.sequence, now)
  }

  #unanswered(kind: 'ping timeout' | 'probe end', sequence: number, now: number): void {
    const probe = this.#probes.get(sequence)
    if (probe === undefined) return
    if (kind === 'ping timeout') this.#askOthers(probe, now)
    else this.#probeFailed(probe, now)
  }

  /** True if the timer still decides something. A late timer says nothing about health once its probe is answered. */
  #matters(task: Exclude<SwimTimer['task'], { kind: 'probe' | 'gossip' }>): boolean {
    return task.kind === 'suspicion'
      ? this.#suspicions.isCurrent(task.node, task.stamp)
      : this.#probes.has(task.sequence)
  }

  /** True if a timer is so late that this node may not have heard answers that came in time. */
  #isLate({ due, again }: SwimTimer, now: number): boolean {
    const { lateTimerMs } = this.#options
    const allowedMs = again ? Math.max(lateTimerMs, bounds.lateAgainMs) : lateTimerMs
    if (now - due <= allowedMs) return false
    if (!again) this.#worsen(1)
    return true
  }

  #arm(delayMs: number, task: SwimTimer['task'], now: number, again = false): void {
    this.#port.after(delayMs, { task, due: now + delayMs, again })
  }

  #worsen(levels: number): void {
    this.#health = Math.min(this.#options.healthLevels - 1, this.#health + levels)
  }

  // Probing

  #nextProbe(now: number): void {
    this.#arm(this.#options.probeIntervalMs * (this.#health + 1), { kind: 'probe' }, now)
    this.#keepHouse(now)
    const target = this.#nextTarget()
    if (target === undefined || !isAwake(this.own)) return
    this.#beginProbe(target, null, now)
  }

  #beginProbe(target: NodeId, verdictOf: number | null, now: number): void {
    this.#sequence += 1
    const probe = { target, sequence: this.#sequence, expected: 0, nacks: 0, verdictOf }
    this.#probes.set(probe.sequence, probe)
    if (!this.#port.isLinked(target)) this.#askOthers(probe, now)
    else {
      this.#send(target, 'ping', this.#sequence)
      this.#armProbe('ping timeout', this.#sequence, now)
    }
  }

  #armProbe(kind: 'ping timeout' | 'probe end', sequence: number, now: number): void {
    this.#arm(this.#options.probeTimeoutMs * (this.#health + 1), { kind, sequence }, now)
  }

  /** The neighbours in random order, each once a round: this bounds the time between probes (SWIM, section 4.3). */
  #nextTarget(): NodeId | undefined {
    if (this.#order.length === 0) this.#order = shuffled(this.neighbours, () => this.#port.chance())
    for (let target = this.#order.pop(); target !== undefined; target = this.#order.pop()) {
      if (this.#list.isAwake(target) && this.neighbours.has(target)) return target
    }
    return undefined
  }

  #askOthers(probe: Probe, now: number): void {
    const others = this.#pick(bounds.indirectProbes, probe.target)
    probe.expected = others.length
    for (const node of others) this.#send(node, 'ping-request', probe.sequence, probe.target)
    this.#armProbe('probe end', probe.sequence, now)
  }

  #probeFailed(probe: Probe, now: number): void {
    const { sequence, expected, nacks } = probe
    this.#probes.delete(sequence)
    // Members that sent no nack are silent too, so the fault is rather here (Lifeguard, section 4.1).
    this.#worsen(expected === 0 ? 1 : Math.max(0, expected - nacks))
    this.#probeEnded(probe, now)
  }

  #acked(from: NodeId, sequence: number, now: number): void {
    const probe = this.#probes.get(sequence)
    if (probe !== undefined) {
      this.#probes.delete(sequence)
      this.#health = Math.max(0, this.#health - 1)
      // The suspect answered its last probe, so a refutation is on its way. It has one more probe interval.
      if (probe.verdictOf !== null)
        this.#arm(this.#options.probeIntervalMs, { kind: 'suspicion', node: probe.target, stamp: probe.verdictOf }, now)
      return
    }
    const errand = this.#errands.get(sequence)
    if (errand === undefined || errand.for === from) return
    this.#errands.delete(sequence)
    this.#send(errand.for, 'ack', errand.sequence)
  }

  #nacked(sequence: number): void {
    const probe = this.#probes.get(sequence)
    if (probe !== undefined) probe.nacks += 1
  }

  #runErrand(from: NodeId, target: NodeId, sequence: number): void {
    this.#send(from, 'nack', sequence)
    if (target === this.#list.self || !this.#port.isLinked(target)) return
    this.#sequence += 1
    const [oldest] = this.#errands.keys()
    if (this.#errands.size >= errandsMax && oldest !== undefined) this.#errands.delete(oldest)
    this.#errands.set(this.#sequence, { for: from, sequence })
    this.#send(target, 'ping', this.#sequence)
  }

  // Suspicion

  #beginSuspicion(claim: Claim, by: NodeId, now: number): void {
    this.#suspicions.begin(claim.node, by, now)
    this.#armSuspicion(claim.node, now)
  }

  #confirmed(claim: Claim, by: NodeId, now: number): void {
    if (!this.#suspicions.confirm(claim.node, by, this.#list.awake.length)) return
    this.#news.add({ claim, by })
    this.#gossipSoon(now)
    this.#armSuspicion(claim.node, now)
  }

  #armSuspicion(node: NodeId, now: number): void {
    const { leftMs, stamp } = this.#suspicions.next(node, this.#list.awake.length, now)
    this.#arm(leftMs, { kind: 'suspicion', node, stamp }, now)
  }

  #suspicionEnded(node: NodeId, stamp: number, now: number): void {
    const held = this.view.get(node)
    if (!this.#suspicions.isCurrent(node, stamp) || held?.status !== 'suspect') return
    if (this.#port.linked().length === 0)
      this.#arm(this.#options.probeIntervalMs, { kind: 'suspicion', node, stamp }, now)
    else if (this.#options.reminds) this.#beginProbe(node, stamp, now)
    else this.#announce({ ...held, status: 'dead' }, now)
  }

  /** After a failed probe: suspects its target, or declares a suspect dead that has not refuted. */
  #probeEnded({ target, verdictOf }: Probe, now: number): void {
    const held = this.view.get(target)
    if (verdictOf === null) this.suspect(target, now)
    else if (this.#port.linked().length === 0)
      this.#arm(this.#options.probeIntervalMs, { kind: 'suspicion', node: target, stamp: verdictOf }, now)
    else if (this.#suspicions.isCurrent(target, verdictOf) && held?.status === 'suspect')
      this.#announce({ ...held, status: 'dead' }, now)
  }

  #keepHouse(now: number): void {
    if (this.#port.linked().length > 0) {
      for (const claim of this.#list.overdue(this.#options.graceMs, now))
        this.#announce({ ...claim, status: 'out' }, now)
    }
    this.#list.forget(now)
  }

  // News

  #gossipSoon(now: number): void {
    if (this.#isGossiping) return
    this.#isGossiping = true
    this.#arm(this.#options.gossipIntervalMs, { kind: 'gossip' }, now)
  }

  #gossip(now: number): void {
    this.#isGossiping = false
    if (this.#news.isEmpty) return
    for (const node of this.#pick(bounds.gossipFanOut)) {
      if (!this.#news.isEmpty) this.#send(node, 'news')
    }
    this.#gossipSoon(now)
  }

  #send(to: NodeId, type: SwimMessage['type'], sequence = 0, target: NodeId | null = null): void {
    const tellings = transmissions(this.#list.awake.length)
    const news = this.#news.take(bounds.newsPerMessageMax, tellings, to)
    const reminders = this.#options.reminds ? this.#remindersFor(to) : []
    const also = reminders.flatMap((node) => {
      const claim = this.view.get(node)
      const isTold = claim === undefined || news.some((item) => item.claim.node === node)
      return isTold ? [] : [{ claim, by: this.#list.self }]
    })
    this.#port.send(to, { type, sequence, target, news: [...news, ...also] })
  }

  /**
   * Members to mention besides the news. The receiver, if we doubt it, so that it can refute (Lifeguard's buddy
   * system). The oldest suspect, for others to contradict. And those about whom the receiver is wrong.
   */
  #remindersFor(to: NodeId): readonly NodeId[] {
    const isDoubted = this.view.get(to)?.status !== 'alive'
    return [...new Set([...(isDoubted ? [to] : []), ...this.#suspicions.oldest, ...this.#unheard.take(to)])]
  }

  /** Random linked members. Doubted ones are among them, since they must hear of it; those that have left are not. */
  #pick(count: number, except?: NodeId): readonly NodeId[] {
    const there = this.#port.linked().filter((node) => node !== except && this.view.get(node)?.status !== 'left')
    return shuffled(there, () => this.#port.chance()).slice(0, count)
  }
}
