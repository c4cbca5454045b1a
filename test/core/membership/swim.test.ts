/**
 * The membership machine, step by step: who is suspected, who is dead, and who judges nobody. Method: a few machines on
 * one clock, with every message and timer in the test's hands.
 */
import { describe, expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { NodeId, PeerId } from '../../../src/core/ids.ts'
import type { Claim } from '../../../src/core/membership/claims.ts'
import { MemberList } from '../../../src/core/membership/member-list.ts'
import { Swim } from '../../../src/core/membership/swim.ts'
import { type SwimOptions, type SwimTimer, swimDefaults } from '../../../src/core/membership/swim-port.ts'
import { claimOf, nodeName as name } from '../../members.ts'

interface Timer {
  readonly at: number
  readonly owner: number
  readonly timer: SwimTimer
}

/** `count` machines that all know each other. Messages arrive after a millisecond, unless their way is cut. */
class Ring {
  now = 0
  readonly swims: Swim[] = []
  readonly #timers: Timer[] = []
  /** Other boots that were found to live under a member's name. */
  readonly copies: PeerId[] = []
  readonly #messages: { at: number; to: number; deliver: () => void }[] = []
  readonly cut = new Set<number>()
  /** Members whose links are gone altogether. */
  readonly unlinked = new Set<number>()
  /** Timers of a member fire so late. */
  readonly lateMs = new Map<number, number>()

  constructor(count: number, options: Partial<SwimOptions> = {}) {
    const all = Array.from({ length: count }, (_, index) => claimOf(index))
    for (const [index, own] of all.entries()) {
      const others = all.filter((other) => other !== own)
      const linked = () =>
        this.unlinked.has(index) ? [] : others.map(({ node }) => node).filter((node) => !this.unlinked.has(at(node)))
      let state = index + 1
      this.swims.push(
        new Swim(
          new MemberList(own, others, this.now, options.linksMax),
          { ...swimDefaults, ...options },
          {
            send: (to, message) => {
              if (this.cut.has(index) || this.cut.has(at(to))) return
              const deliver = () => this.swims[at(to)]?.received(name(index), message, this.now)
              this.#messages.push({ at: this.now + 1, to: at(to), deliver })
            },
            after: (ms, timer) => this.#timers.push({ at: this.now + ms, owner: index, timer }),
            linked,
            isLinked: (node) => linked().includes(node),
            changed: () => {},
            wasOut: () => {},
            copied: (peer) => this.copies.push(peer),
            chance: () => {
              state = (state * 48_271) % 2_147_483_647
              return state / 2_147_483_647
            },
          },
        ),
      )
    }
    for (const swim of this.swims) swim.start(0)
  }

  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const due = (timer: Timer) => timer.at + (this.lateMs.get(timer.owner) ?? 0)
      const message = this.#messages.sort((a, b) => a.at - b.at)[0]
      const timer = this.#timers.sort((a, b) => due(a) - due(b))[0]
      const next = Math.min(message?.at ?? Infinity, timer === undefined ? Infinity : due(timer))
      if (next > end) break
      this.now = Math.max(this.now, next)
      if (message !== undefined && message.at === next) {
        this.#messages.shift()
        message.deliver()
      } else if (timer !== undefined) {
        this.#timers.shift()
        this.swims[timer.owner]?.fired(timer.timer, this.now)
      }
    }
    this.now = end
  }

  /** What each of the others believes of a member. */
  statusesOf(index: number): readonly (Claim['status'] | undefined)[] {
    return this.swims.flatMap((swim, other) => (other === index ? [] : [swim.view.get(name(index))?.status]))
  }
}

const at = (node: NodeId) => Number.parseInt(node, 16)

describe('membership', () => {
  test('a member that is silent is suspected by all within six seconds and dead within a minute, and nobody else is', () => {
    const ring = new Ring(8)
    ring.run(20_000)
    ring.cut.add(3)
    ring.run(6_000)
    expect(ring.statusesOf(3)).toEqual(Array(7).fill('suspect'))
    ring.run(60_000)
    expect(ring.statusesOf(3)).toEqual(Array(7).fill('dead'))
    for (const index of [0, 1, 2, 4, 5, 6, 7]) {
      for (const swim of ring.swims.filter((_, other) => other !== 3))
        expect(swim.view.get(name(index))?.status).toBe('alive')
    }
  })

  test('a suspect that lives hears of it and refutes, with a higher incarnation', () => {
    const ring = new Ring(5)
    ring.run(5_000)
    ring.swims[0]?.suspect(name(2), ring.now)
    ring.run(5_000)
    expect(ring.statusesOf(2)).toEqual(Array(4).fill('alive'))
    expect(ring.swims[0]?.view.get(name(2))?.incarnation).toBe(2)
  })

  test('another boot that goes on answering refutations under the same name is found out, and a former one is not', () => {
    const ring = new Ring(3)
    const [first] = ring.swims as [Swim]
    const say = (peer: PeerId) => {
      const claim = { ...first.own, peer, incarnation: first.own.incarnation + 1 }
      first.takeList(name(1), [claim], ring.now)
      ring.run(bounds.namesakeMs / 2)
    }
    say('former boot' as PeerId)
    for (let times = 0; times < 4; times += 1) say('living copy' as PeerId)
    expect(new Set(ring.copies)).toEqual(new Set(['living copy']))
    expect(ring.swims[1]?.view.get(name(0))).toEqual(first.own)
  })

  test('a member whose line to one other is bad is probed through the others, and not suspected', () => {
    const ring = new Ring(5)
    const [first] = ring.swims as [Swim]
    const received = first.received.bind(first)
    // Nothing that member 1 says reaches member 0 by itself.
    first.received = (from, message, now) => from !== name(1) && received(from, message, now)
    ring.run(60_000)
    expect(first.view.get(name(1))).toMatchObject({ status: 'alive', incarnation: 1 })
  })

  test('a timer that fires late judges nobody before what is queued has been heard, and makes its node judge slowly', () => {
    const ring = new Ring(4)
    ring.run(10_000)
    ring.lateMs.set(0, 700)
    ring.run(60_000)
    for (const index of [1, 2, 3]) expect(ring.statusesOf(index)).toEqual(Array(3).fill('alive'))
    expect(ring.swims[0]?.health).toBe(0)
    ring.cut.add(1)
    ring.run(10_000)
    expect(ring.swims[0]?.health).toBeGreaterThan(0)
  })

  test('whoever has no link to anybody judges nobody', () => {
    const ring = new Ring(4, { graceMs: 30_000 })
    ring.run(5_000)
    ring.unlinked.add(0)
    ring.cut.add(0)
    ring.run(600_000)
    for (const index of [1, 2, 3]) expect(ring.swims[0]?.view.get(name(index))?.status).toBe('alive')
    expect(ring.statusesOf(0)).toEqual(Array(3).fill('out'))
  })

  test('a member that says it goes to sleep is away, is not probed, and is out only when the grace is over', () => {
    const ring = new Ring(6, { graceMs: 120_000 })
    ring.run(5_000)
    ring.swims[4]?.sleep(ring.now)
    ring.run(3_000)
    ring.cut.add(4)
    ring.run(100_000)
    expect(ring.statusesOf(4)).toEqual(Array(5).fill('away'))
    ring.run(30_000)
    expect(ring.statusesOf(4)).toEqual(Array(5).fill('out'))
    ring.cut.delete(4)
    ring.swims[4]?.renew({ status: 'alive' }, ring.now)
    ring.run(5_000)
    expect(ring.statusesOf(4)).toEqual(Array(5).fill('alive'))
  })

  test.each([
    ['after a fifth of the grace', 60_000, 12_000],
    ['after 75 seconds, however long the grace', 600_000, 75_000],
  ])('a guest that is away is out %s', (_, graceMs, awayMs) => {
    const ring = new Ring(4, { graceMs })
    ring.swims[2]?.renew({ guest: true }, ring.now)
    ring.run(5_000)
    for (const index of [2, 3]) ring.swims[index]?.sleep(ring.now)
    ring.run(2_000)
    for (const index of [2, 3]) ring.cut.add(index)
    const seen = (index: number) => [0, 1].map((at) => ring.swims[at]?.view.get(name(index))?.status)
    ring.run(awayMs - 4_000)
    expect(seen(2)).toEqual(['away', 'away'])
    ring.run(10_000)
    expect(seen(2)).toEqual(['out', 'out'])
    expect(seen(3)).toEqual(['away', 'away'])
  })

  test('a guest that is away is out with the next member that is, unless it may just be reloaded', () => {
    const ring = new Ring(6, { graceMs: 600_000 })
    for (const index of [2, 3, 4]) ring.swims[index]?.renew({ guest: true }, ring.now)
    ring.run(5_000)
    const leave = (index: number, restMs: number) => {
      ring.swims[index]?.sleep(ring.now)
      ring.run(2_000)
      ring.cut.add(index)
      ring.run(restMs)
    }
    const seen = () => [2, 3, 4, 5].map((index) => ring.swims[0]?.view.get(name(index))?.status)
    leave(5, 2_000)
    leave(2, 38_000)
    leave(3, 27_000)
    leave(4, 1_000)
    expect(seen()).toEqual(['away', 'away', 'away', 'away'])
    ring.run(6_000)
    expect(seen()).toEqual(['out', 'out', 'away', 'away'])
    ring.run(78_000)
    expect(seen()).toEqual(['out', 'out', 'out', 'away'])
  })

  test('a dead member that comes back within reach learns that it is dead, and refutes', () => {
    const ring = new Ring(5)
    ring.cut.add(2)
    ring.run(90_000)
    expect(ring.statusesOf(2)).toEqual(Array(4).fill('dead'))
    ring.cut.delete(2)
    ring.run(30_000)
    expect(ring.statusesOf(2)).toEqual(Array(4).fill('alive'))
  })
})

describe('lists of others', () => {
  const list = (...claims: readonly Claim[]) => claims

  test('an old list makes nobody dead: with a link to the member it is no news, without one a suspicion', () => {
    const ring = new Ring(4)
    const [first] = ring.swims as [Swim]
    first.takeList(name(1), list(claimOf(2, 'dead')), ring.now)
    expect(first.view.get(name(2))?.status).toBe('alive')
    ring.unlinked.add(2)
    first.takeList(name(1), list(claimOf(2, 'out')), ring.now)
    expect(first.view.get(name(2))?.status).toBe('suspect')
  })

  test('that a stranger is out or has left is no news; that it has left is, of a member', () => {
    const ring = new Ring(3)
    const [first] = ring.swims as [Swim]
    first.takeList(name(1), list(claimOf(7, 'out'), claimOf(8, 'left')), ring.now)
    expect(first.view.size).toBe(3)
    first.takeList(name(1), list(claimOf(2, 'left')), ring.now)
    expect(first.view.get(name(2))?.status).toBe('left')
  })

  test('what others claim of this node is refuted, once; that it has left cannot be', () => {
    const ring = new Ring(3)
    const [first] = ring.swims as [Swim]
    first.takeList(name(1), list(claimOf(0, 'out')), ring.now)
    expect(first.own).toMatchObject({ status: 'alive', incarnation: 2 })
    first.takeList(name(1), list(claimOf(0, 'out')), ring.now)
    expect(first.own.incarnation).toBe(2)
    first.takeList(name(1), list(claimOf(0, 'left')), ring.now)
    expect(first.own.status).toBe('left')
  })

  test('members that are out are forgotten after a while, and at once where there are too many', () => {
    const ring = new Ring(3)
    const [first] = ring.swims as [Swim]
    const strangers = Array.from({ length: bounds.membersMax / 2 }, (_, index) => claimOf(index + 10, 'alive'))
    first.takeList(name(1), strangers, ring.now)
    expect(first.view.size).toBe(3 + bounds.membersMax / 2)
    for (const { node, incarnation } of strangers) {
      const claim = { ...claimOf(at(node), 'out', incarnation) }
      first.received(name(1), { type: 'news', sequence: 0, target: null, news: [{ claim, by: name(1) }] }, ring.now)
    }
    ring.run(10_000)
    expect(first.view.size).toBe(bounds.membersMax / 2)
    ring.now += bounds.formerMemberMs
    ring.run(10_000)
    expect(first.view.size).toBe(3)
  })
})
