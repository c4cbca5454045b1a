/**
 * Goal: join is right. Method: clients on several nodes write with and without contexts, stale ones too; the deltas
 * reach replicas in any order, any number of times and in any grouping, and some replicas forget everything in between.
 * The oracle knows only which write handed in which context: exactly the writes that no context covered survive.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { HybridTime } from '../../../src/core/ids.ts'
import { dotName, names } from '../../../src/core/versioning/causal-history.ts'
import { blindContext, contextOf, delta, type SeenContext } from '../../../src/core/versioning/context.ts'
import { hybridZero, nextTime, observeTime } from '../../../src/core/versioning/hybrid-time.ts'
import {
  emptyRecord,
  join,
  liveValues,
  prune,
  type Record,
  reusedDots,
  type Sibling,
  withoutExpired,
} from '../../../src/core/versioning/record.ts'
import { encodeRecord, versionOf } from '../../../src/core/wire/record-codec.ts'
import { actorName } from '../arbitraries.ts'

const replicaCount = 4

/** One step of a history: somebody reads, writes, or a replica gets what another has, or forgets all it had. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('write' as const),
        client: fc.nat(3),
        blind: fc.boolean(),
        at: fc.nat(replicaCount - 1),
        clock: fc.nat(50),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ step: fc.constant('retry' as const), write: fc.nat(), at: fc.nat(replicaCount - 1) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant('read' as const), client: fc.nat(3), at: fc.nat(replicaCount - 1) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        step: fc.constant('sync' as const),
        from: fc.nat(replicaCount - 1),
        to: fc.nat(replicaCount - 1),
      }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('forget' as const), at: fc.nat(replicaCount - 1) }) },
  ),
  { maxLength: 60 },
)

type Story = typeof steps extends fc.Arbitrary<infer T> ? T : never

interface Write {
  readonly delta: Record
  readonly sibling: Sibling
  /** Names of the writes its writer had seen. */
  readonly seen: ReadonlySet<string>
}

interface Client {
  context: SeenContext
  seen: ReadonlySet<string>
  latest: HybridTime
}

/** Plays the steps; returns the writes there were. */
function play(story: Story): readonly Write[] {
  const replicas: Record[] = Array(replicaCount).fill(emptyRecord)
  const clients: Client[] = Array.from({ length: 4 }, () => ({
    context: blindContext,
    seen: new Set(),
    latest: hybridZero,
  }))
  const counters = new Map<number, number>()
  const writes: Write[] = []
  const seenIn = (record: Record) => {
    const found = new Set<string>()
    for (const write of writes) {
      if (!record.siblings.some(({ dot }) => dotName(dot) === dotName(write.sibling.dot))) continue
      found.add(dotName(write.sibling.dot))
      for (const name of write.seen) found.add(name)
    }
    return found
  }
  const absorb = (at: number, record: Record) => {
    replicas[at] = join(replicas[at] ?? emptyRecord, record)
  }
  for (const step of story) {
    if (step.step === 'write') {
      const client = clients[step.client] as Client
      const context = step.blind ? blindContext : client.context
      const counter = (counters.get(step.client) ?? 0) + 1
      counters.set(step.client, counter)
      client.latest = nextTime(Math.max(client.latest, context.time) as HybridTime, step.clock)
      const dot = { actor: actorName(step.client), counter }
      const sibling: Sibling =
        step.clock % 4 === 0
          ? { kind: 'tombstone', dot, time: client.latest }
          : { kind: 'value', dot, time: client.latest, value: Uint8Array.of(step.client, counter), expiresAt: null }
      const seen = step.blind ? new Set<string>() : client.seen
      const write = { delta: delta(context, sibling), sibling, seen }
      writes.push(write)
      absorb(step.at, write.delta)
      client.context = contextOf(write.delta)
      client.seen = new Set([...seen, dotName(dot)])
    }
    if (step.step === 'retry' && writes.length > 0) absorb(step.at, (writes[step.write % writes.length] as Write).delta)
    if (step.step === 'read') {
      const client = clients[step.client] as Client
      const record = replicas[step.at] ?? emptyRecord
      client.context = contextOf(record)
      client.seen = seenIn(record)
    }
    if (step.step === 'sync') absorb(step.to, replicas[step.from] ?? emptyRecord)
    if (step.step === 'forget') replicas[step.at] = emptyRecord
  }
  return writes
}

const namesOf = (record: Record) => record.siblings.map(({ dot }) => dotName(dot)).sort()

function survivors(writes: readonly Write[]): readonly string[] {
  const covered = new Set(writes.flatMap(({ seen }) => [...seen]))
  return writes
    .map(({ sibling }) => dotName(sibling.dot))
    .filter((name) => !covered.has(name))
    .sort()
}

describe('join', () => {
  test('any order, duplication and grouping of the deltas of a history gives the same record', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { maxLength: 40 }), fc.func(fc.integer()), (story, repeats, order) => {
        const deltas = play(story).map((write) => write.delta)
        const inOrder = deltas.reduce((sum, next) => join(sum, next), emptyRecord)
        const extra = repeats.flatMap((at) => deltas[at % Math.max(1, deltas.length)] ?? [])
        const shuffled = [...deltas, ...extra]
          .map((item, index) => ({ item, rank: order(index) }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ item }) => item)
        const middle = Math.floor(shuffled.length / 2)
        const grouped = join(
          shuffled.slice(0, middle).reduce((sum, next) => join(sum, next), emptyRecord),
          shuffled.slice(middle).reduceRight((sum, next) => join(next, sum), emptyRecord),
        )
        expect(encodeRecord(grouped)).toEqual(encodeRecord(inOrder))
      }),
      { numRuns: 500 },
    )
  })

  test('exactly the writes that should survive do, whatever replicas forgot and clients retried', () => {
    fc.assert(
      fc.property(steps, (story) => {
        const writes = play(story)
        const joined = writes.reduce((sum, write) => join(sum, write.delta), emptyRecord)
        expect(namesOf(joined)).toEqual(survivors(writes))
      }),
      { numRuns: 2000 },
    )
  })

  test('join is commutative, associative and idempotent on records of one history', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(2), { maxLength: 60 }), (story, parts) => {
        const deltas = play(story).map((write) => write.delta)
        const [a, b, c] = [0, 1, 2].map((part) =>
          deltas.filter((_, index) => (parts[index] ?? 0) === part).reduce((sum, next) => join(sum, next), emptyRecord),
        ) as [Record, Record, Record]
        const bytes = (record: Record) => encodeRecord(record)
        expect(bytes(join(a, b))).toEqual(bytes(join(b, a)))
        expect(bytes(join(join(a, b), c))).toEqual(bytes(join(a, join(b, c))))
        expect(bytes(join(a, { ...a }))).toEqual(bytes(a))
      }),
    )
  })
})

describe('pruning', () => {
  const joined = (deltas: readonly Record[]) => deltas.reduce((sum, next) => join(sum, next), emptyRecord)
  const values = (record: Record) => record.siblings.filter(({ kind }) => kind === 'value')

  test('takes old tombstones and names, and no value; each sibling that stays is named by its own history', () => {
    fc.assert(
      fc.property(steps, fc.nat(60 * 1024), (story, at) => {
        const horizon = at as HybridTime
        const own = joined(play(story).map(({ delta }) => delta))
        const left = prune(own, horizon)
        expect(values(left)).toEqual(values(own))
        expect(left.siblings.filter(({ kind, time }) => kind === 'tombstone' && time <= horizon)).toEqual([])
        for (const { dot } of left.siblings) expect(names(left.history, dot)).toBe(true)
        expect(prune(left, horizon)).toBe(left)
      }),
      { numRuns: 1000 },
    )
  })

  test('covers nothing: a value that the record never had stays beside it, however old', () => {
    fc.assert(
      fc.property(steps, fc.nat(60 * 1024), fc.array(fc.boolean()), (story, at, mine) => {
        const writes = play(story)
        const own = joined(writes.filter((_, index) => mine[index]).map(({ delta }) => delta))
        const other = joined(writes.map(({ delta }) => delta))
        const known = joined([prune(own, at as HybridTime), other])
        for (const sibling of values(other)) expect(known.siblings).toContainEqual(sibling)
      }),
      { numRuns: 1000 },
    )
  })

  test('takes nothing that a reader needs: a write with its context replaces every sibling it saw', () => {
    const write = (actor: number, time: number, seen: SeenContext) => {
      const written = { dot: { actor: actorName(actor), counter: 1 }, time: time as HybridTime }
      return delta(seen, { kind: 'value', ...written, value: Uint8Array.of(actor), expiresAt: null })
    }
    const [first, second] = [write(1, 5, blindContext), write(2, 6, blindContext)]
    const read = prune(join(first, second), 50 as HybridTime)
    // Somebody else may have pruned more.
    const bare = { ...read, history: { actors: new Map() } }
    for (const seen of [read, bare]) {
      const third = write(3, 90, contextOf(seen))
      expect(joined([first, second, third]).siblings).toEqual(third.siblings)
    }
  })

  test('leaves names of what a write overwrote for as long as the write itself is younger than the horizon', () => {
    const write = (actor: number, time: number, seen: SeenContext) =>
      delta(seen, { kind: 'tombstone', dot: { actor: actorName(actor), counter: 1 }, time: time as HybridTime })
    const first = write(1, 5, blindContext)
    const second = write(2, 90, contextOf(first))
    const replica = prune(join(first, second), 50 as HybridTime)
    expect(join(replica, first).siblings).toHaveLength(1)
  })

  test('what is left does not grow with those who wrote before the horizon', () => {
    const writers = Array.from({ length: 100 }, (_, index) => index + 1)
    const record = writers.reduce((before, writer) => {
      const sibling = {
        kind: 'tombstone' as const,
        dot: { actor: actorName(writer), counter: 1 },
        time: writer as HybridTime,
      }
      return delta(contextOf(before), sibling)
    }, emptyRecord)
    // Each name lives as long as that of the write that overwrote it.
    expect(prune(record, 90 as HybridTime).history.actors.size).toBe(11)
    expect(prune(record, 100 as HybridTime)).toEqual({ history: { actors: new Map() }, siblings: [] })
  })
})

describe('what join must not do', () => {
  const write = (actor: number, counter: number, seen: SeenContext = blindContext): Record =>
    delta(seen, {
      kind: 'value',
      dot: { actor: actorName(actor), counter },
      time: counter as HybridTime,
      value: Uint8Array.of(actor, counter),
      expiresAt: null,
    })

  test("an actor's second write that comes first does not hide its first one", () => {
    const both = join(write(1, 2), write(1, 1))
    expect(namesOf(both)).toHaveLength(2)
  })

  test('a late delta of a write that was overwritten brings nothing back', () => {
    const first = write(1, 1)
    const second = write(2, 1, contextOf(first))
    expect(namesOf(join(join(first, second), first))).toEqual(namesOf(second))
  })

  test('interleaved clients do not grow siblings without end', () => {
    let record = emptyRecord
    let contexts: readonly SeenContext[] = [blindContext, blindContext]
    for (let round = 1; round <= 50; round += 1) {
      for (const client of [0, 1]) {
        record = join(record, write(client, round, contexts[client]))
        contexts = contexts.map((context, index) => (index === client ? contextOf(record) : context))
      }
      expect(record.siblings.length).toBeLessThanOrEqual(2)
    }
  })

  test('a dot with two values is noticed, and every node keeps the same one', () => {
    const one = write(1, 1)
    const other = {
      ...one,
      siblings: one.siblings.map((sibling) => ({ ...sibling, value: Uint8Array.of(99) })) as Sibling[],
    }
    expect(reusedDots(one, other)).toHaveLength(1)
    expect(reusedDots(one, one)).toEqual([])
    expect(encodeRecord(join(one, other))).toEqual(encodeRecord(join(other, one)))
  })
})

describe('a value that has expired', () => {
  const dot = { actor: actorName(1), counter: 1 }
  const value: Sibling = { kind: 'value', dot, time: 1 as HybridTime, value: Uint8Array.of(1), expiresAt: 100 }
  const whole = delta(blindContext, value)
  const left = withoutExpired(whole, 100)

  test('is told apart from one that has not, and from one that lasts', () => {
    expect(left.siblings).toMatchObject([{ kind: 'expired', dot, expiresAt: 100 }])
    expect(withoutExpired(whole, 99)).toBe(whole)
    const lasting = delta(blindContext, { ...value, expiresAt: null })
    expect(withoutExpired(lasting, 1e15)).toBe(lasting)
    expect(withoutExpired(left, 1e15)).toBe(left)
  })

  test('has the digest it had, is read as nothing, and is the same write', () => {
    expect(versionOf(left)).toEqual(versionOf(whole))
    expect(liveValues(left, 0)).toEqual([])
    expect([reusedDots(left, whole), reusedDots(whole, left), reusedDots(left, left)]).toEqual([[], [], []])
    const another = { ...whole, siblings: [{ ...value, value: Uint8Array.of(2) }] }
    expect(reusedDots(left, another)).toEqual([dot])
  })

  test('stays where somebody still has it, and is covered by who has overwritten it', () => {
    expect(join(left, whole)).toEqual(whole)
    expect(join(whole, left)).toEqual(whole)
    const next: Sibling = { ...value, dot: { actor: actorName(2), counter: 1 } }
    const after = delta(contextOf(whole), next)
    expect(join(left, after).siblings).toEqual([next])
  })
})

test('hybrid time never goes back nor repeats, follows what was seen, and ignores a clock that is absurdly ahead', () => {
  const noon = 1_700_000_000_000
  const first = nextTime(hybridZero, noon)
  const second = nextTime(first, noon - 60_000)
  expect(second).toBeGreaterThan(first)
  const ahead = nextTime(hybridZero, noon + 3_600_000)
  expect(nextTime(observeTime(second, ahead, noon), noon)).toBeGreaterThan(ahead)
  expect(nextTime(bounds.hybridTimeMax as HybridTime, noon)).toBe(bounds.hybridTimeMax)
  const absurd = nextTime(hybridZero, noon * 2)
  expect(observeTime(second, absurd, noon)).toBe(second)
})
