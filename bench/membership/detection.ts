/**
 * The membership core alone, many members under one clock: how often a member that lives is declared dead, and how long it takes
 * until one that has crashed is suspected and declared dead.
 *
 * Three members in ten are hidden tabs whose timers fire on whole seconds. One in ten stalls for 1 to 10 s, about once a minute; what
 * was due meanwhile happens when it goes on: timers first, then messages, which is the worst order there is. One message in twenty
 * is lost; the others take 40 ms in the mean.
 */
import type { NodeId } from '../../src/core/ids.ts'
import type { Claim } from '../../src/core/membership/claims.ts'
import { MemberList } from '../../src/core/membership/member-list.ts'
import { Swim } from '../../src/core/membership/swim.ts'
import {
  type SwimMessage,
  type SwimOptions,
  type SwimPort,
  type SwimTimer,
  swimDefaults,
} from '../../src/core/membership/swim-port.ts'
import { claimOf, nodeName } from '../../test/members.ts'
import { type Event, EventHeap } from './heap.ts'
import { uniform } from './uniform.ts'

const loss = 0.05
const delayMs = 40
const hiddenShare = 0.3
const stallingShare = 0.1
const stallEveryMs = 60_000
const kinds = { message: 0, timer: 1, stall: 2, resume: 3, crash: 4, restart: 5 } as const
const hourMs = 3_600_000

/** Plain SWIM: no local health, no shrinking suspicion, no reminders; and a late timer judges like any other. */
export const plainSwim: SwimOptions = {
  ...swimDefaults,
  healthLevels: 1,
  suspicionMaxFactor: 1,
  lateTimerMs: Number.POSITIVE_INFINITY,
  reminds: false,
}

interface Member {
  swim: Swim
  alive: boolean
  stalled: boolean
  readonly hidden: boolean
  /** What came while it stalled. */
  readonly timers: Event[]
  readonly messages: Event[]
  crashedAt: number
  suspectedAfter: number | null
  deadAfter: number | null
}

export interface Detection {
  readonly nodeHours: number
  readonly falseDeaths: number
  /** Ms from each crash to the first suspicion and to the first verdict. */
  readonly suspectedAfter: readonly number[]
  readonly deadAfter: readonly number[]
  readonly messages: number
}

export class DetectionRun {
  readonly #heap = new EventHeap()
  readonly #members: Member[] = []
  readonly #chance: () => number
  readonly #options: SwimOptions
  #now = 0
  #falseDeaths = 0
  #messages = 0
  /** Deaths of one incarnation are counted once, whoever declared them. */
  readonly #declared = new Set<string>()

  constructor(count: number, options: SwimOptions, seed: number) {
    this.#chance = uniform(seed)
    this.#options = options
    for (let index = 0; index < count; index += 1) {
      const hidden = index < hiddenShare * count
      this.#members.push({
        swim: this.#boot(index, 1, count),
        alive: true,
        stalled: false,
        hidden,
        timers: [],
        messages: [],
        crashedAt: 0,
        suspectedAfter: null,
        deadAfter: null,
      })
      // Those at the other end stall: hidden ones are slow enough.
      if (index >= (1 - stallingShare) * count) this.#later(this.#exponential(stallEveryMs), kinds.stall, index)
    }
    for (const { swim } of this.#members) swim.start(0)
  }

  #boot(index: number, incarnation: number, count: number): Swim {
    const others = Array.from({ length: count }, (_, other) => claimOf(other)).filter((_, other) => other !== index)
    const list = new MemberList(claimOf(index, 'alive', incarnation), others, this.#now, this.#options.linksMax)
    return new Swim(list, this.#options, this.#port(index, others))
  }

  #port(index: number, others: readonly Claim[]): SwimPort {
    const linked = others.map(({ node }) => node)
    return {
      send: (to, message) => {
        this.#messages += 1
        if (this.#chance() < loss) return
        this.#heap.push(this.#now + this.#exponential(delayMs), kinds.message, Number.parseInt(to, 16), message, index)
      },
      after: (ms, timer) => {
        const due = this.#now + ms
        const at = this.#members[index]?.hidden === true ? Math.ceil(due / 1000) * 1000 : due
        this.#heap.push(at, kinds.timer, index, timer, index)
      },
      linked: () => linked,
      isLinked: () => true,
      changed: (claim, by) => this.#changed(index, claim, by),
      wasOut: () => {},
      copied: () => {},
      chance: this.#chance,
    }
  }

  #changed(at: number, { node, status, incarnation }: Claim, by: NodeId): void {
    if (by !== nodeName(at) || (status !== 'dead' && status !== 'suspect')) return
    const member = this.#members[Number.parseInt(node, 16)]
    if (member === undefined) return
    if (!member.alive) {
      const after = this.#now - member.crashedAt
      if (status === 'suspect') member.suspectedAfter ??= after
      else member.deadAfter ??= after
      return
    }
    const name = `${node} ${incarnation}`
    if (status !== 'dead' || this.#declared.has(name)) return
    this.#declared.add(name)
    this.#falseDeaths += 1
  }

  #exponential(mean: number): number {
    return -Math.log(1 - this.#chance()) * mean
  }

  #later(ms: number, kind: number, node: number): void {
    this.#heap.push(this.#now + ms, kind, node, null, node)
  }

  /** Lets `hours` of virtual time pass; with `crashEveryMs`, a member crashes now and then and comes back two minutes later. */
  run(hours: number, crashEveryMs = 0): Detection {
    const suspectedAfter: number[] = []
    const deadAfter: number[] = []
    const end = this.#now + hours * hourMs
    if (crashEveryMs > 0) this.#later(crashEveryMs, kinds.crash, 0)
    for (let event = this.#heap.pop(); event !== undefined && event.at <= end; event = this.#heap.pop()) {
      this.#now = event.at
      if (event.kind === kinds.crash) this.#crash(crashEveryMs)
      else if (event.kind === kinds.restart) {
        const member = this.#members[event.node] as Member
        if (member.suspectedAfter !== null) suspectedAfter.push(member.suspectedAfter)
        if (member.deadAfter !== null) deadAfter.push(member.deadAfter)
        this.#restart(event.node, member)
      } else this.#happen(event)
    }
    const nodeHours = hours * this.#members.length
    return { nodeHours, falseDeaths: this.#falseDeaths, suspectedAfter, deadAfter, messages: this.#messages }
  }

  #happen(event: Event): void {
    const member = this.#members[event.node] as Member
    if (event.kind === kinds.stall) {
      member.stalled = true
      this.#later(1000 + this.#chance() * 9000, kinds.resume, event.node)
    } else if (event.kind === kinds.resume) this.#resume(event.node, member)
    else if (!member.alive) return
    else if (member.stalled) (event.kind === kinds.timer ? member.timers : member.messages).push(event)
    else this.#act(member, event)
  }

  #act({ swim }: Member, { kind, body, from }: Event): void {
    if (kind === kinds.timer) swim.fired(body as SwimTimer, this.#now)
    else swim.received(nodeName(from), body as SwimMessage, this.#now)
  }

  #resume(index: number, member: Member): void {
    member.stalled = false
    for (const event of [...member.timers.splice(0), ...member.messages.splice(0)]) this.#act(member, event)
    this.#later(this.#exponential(stallEveryMs), kinds.stall, index)
  }

  #crash(everyMs: number): void {
    const index = Math.floor(this.#chance() * this.#members.length)
    const member = this.#members[index] as Member
    member.alive = false
    member.crashedAt = this.#now
    member.suspectedAfter = null
    member.deadAfter = null
    this.#later(120_000, kinds.restart, index)
    this.#later(everyMs, kinds.crash, 0)
  }

  #restart(index: number, member: Member): void {
    member.alive = true
    member.timers.length = 0
    member.messages.length = 0
    member.swim = this.#boot(index, member.swim.own.incarnation + 1, this.#members.length)
    member.swim.start(this.#now)
  }
}
