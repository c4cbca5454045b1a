/**
 * Rings of 10 to 500 members without storage: what a quiet one says, how fast a newcomer is known, how many links there are, and
 * whether every member reaches every other.
 */
import type { ActorId, DeviceId, NodeId, PeerId } from '../../src/core/ids.ts'
import type { place } from '../../src/core/partitioning/placement.ts'
import { checkConfig } from '../../src/node/arguments.ts'
import { Events } from '../../src/node/events.ts'
import { Joining } from '../../src/node/joining.ts'
import { Presence, type Present } from '../../src/node/presence.ts'
import type { Ports } from '../../src/ports.ts'
import { VirtualClock } from '../../test/simulation/virtual-clock.ts'
import { MeshNetwork } from './mesh-network.ts'
import { uniform } from './uniform.ts'

export interface QuietFigures {
  readonly members: number
  /** Per node and second, in a quiet ring. */
  readonly messages: number
  readonly bytes: number
  /** From a newcomer's start until 99 in 100 members know it, and the most that is allowed. */
  readonly joinMs: number
  readonly joinMaxMs: number
  readonly linksMost: number
  /** Pairs that a request gets through, of those tried. */
  readonly reached: number
  readonly tried: number
}

const settleMs = 90_000
const quietMs = 60_000
const pairsTried = 300

/** Nothing is stored, so nothing is placed. */
const placedNowhere: typeof place = (members, n) => ({
  n,
  ring: [],
  members: new Map(members.map((member) => [member.id, member])),
  owners: [],
})

class QuietRing {
  readonly #clock = new VirtualClock()
  readonly #chance = uniform(7)
  readonly #network: MeshNetwork
  readonly members: Presence[] = []

  constructor() {
    this.#network = new MeshNetwork(this.#seen(), this.#chance)
  }

  #seen() {
    return this.#clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  }

  #hex(digits: number): string {
    return Array.from({ length: digits }, () => Math.floor(this.#chance() * 16).toString(16)).join('')
  }

  /** One more member, which knows nobody. */
  join(): Presence {
    const clock = this.#seen()
    const peer = this.#hex(16) as PeerId
    const node = this.#hex(32) as NodeId
    const nothing = async () => undefined as never
    const ports: Ports = {
      clock,
      random: { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(this.#chance() * 256)) },
      store: { transact: nothing, read: nothing, scan: nothing, close: nothing, destroy: nothing },
      transport: this.#network.transport(peer),
      lifecycle: { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} },
    }
    const own = {
      node,
      peer,
      device: `device ${this.members.length}` as DeviceId,
      capacity16ths: 16,
      speaks: 1,
      incarnation: 1,
      status: 'alive' as const,
    }
    // Of a node without storage nothing is asked but what it knows.
    const present = {
      ownership: { follow: () => {}, doubt: () => {} },
      exchange: { follow: () => {}, soon: () => {}, wasAway: () => {} },
      handoff: { sweep: async () => {}, deliverTo: async () => {} },
      joining: new Joining(clock, new Events()),
      isOpen: true,
      isClosing: false,
      serve: async () => ({ type: 'done' }),
      membersChanged: () => {},
      hadLeft: () => {},
    } as unknown as Present
    const boot = { self: { own, known: [] }, actor: this.#hex(16) as ActorId, cluster: this.#cluster }
    const presence: Presence = new Presence(
      ports,
      checkConfig({ cluster: 'quiet' }),
      boot,
      this.#chance,
      placedNowhere,
      {
        ...present,
        serve: async (from, request) =>
          request.type === 'members' ? presence.membership.answer(from, request) : { type: 'done' },
      },
    )
    presence.start(this.#chance)
    presence.open()
    this.members.push(presence)
    return presence
  }

  readonly #cluster = '0'.repeat(32)

  run(ms: number): Promise<void> {
    return this.#clock.run(ms)
  }

  get sent() {
    return this.#network.sent
  }

  get linksMost(): number {
    return this.#network.linksMost
  }

  get now(): number {
    return this.#clock.now
  }

  /** Asks one member something through another, wherever it is. */
  async reach(from: Presence, to: Presence): Promise<boolean> {
    let isAnswered = false
    from.asks(to.routing.self)
    from.peers
      .request(to.routing.self, { type: 'fetch', hashes: new Uint8Array(0) })
      .then(() => {
        isAnswered = true
      })
      .catch(() => {})
    await this.run(1_000)
    return isAnswered
  }

  pick(): Presence {
    return this.members[Math.floor(this.#chance() * this.members.length)] as Presence
  }
}

/** Lets a ring of `count` members form and measures it. */
export async function measureQuiet(count: number): Promise<QuietFigures> {
  const ring = new QuietRing()
  for (let index = 0; index < count - 1; index += 1) {
    ring.join()
    if (index % 4 === 3) await ring.run(100)
  }
  await ring.run(settleMs)
  const before = ring.sent
  await ring.run(quietMs)
  const after = ring.sent
  const perNodeSecond = 1 / (count - 1) / (quietMs / 1000)
  const startedAt = ring.now
  const newcomer = ring.join()
  const others = ring.members.filter((member) => member !== newcomer)
  const knows = () => others.filter(({ membership }) => membership.view.has(newcomer.routing.self)).length
  while (knows() < Math.ceil(0.99 * others.length) && ring.now < startedAt + 60_000) await ring.run(50)
  const joinMs = ring.now - startedAt
  await ring.run(20_000)
  let reached = 0
  for (let pair = 0; pair < pairsTried; pair += 1) {
    const [from, to] = [ring.pick(), ring.pick()]
    if (from === to || (await ring.reach(from, to))) reached += 1
  }
  return {
    members: count,
    messages: (after.messages - before.messages) * perNodeSecond,
    bytes: (after.bytes - before.bytes) * perNodeSecond,
    joinMs,
    joinMaxMs: 1000 * (3 + 2 * Math.log2(count)),
    linksMost: ring.linksMost,
    reached,
    tried: pairsTried,
  }
}
