/**
 * Tabs that change one key through a merge type, while reads lag and puts get lost.
 *
 * Method: replicas are sets of writes, as in the definition of siblings: a replica shows the writes that it knows and
 * that no write it knows has covered. A tab reads some replica, which may lag behind the tab's own writes, adds what it
 * put last, and puts the change. Stamps come from clocks that disagree. Values pass through the codec of a node. The
 * oracles of the tests know nothing of all this: they get what each writer did, and which writes it had seen.
 */
import fc from 'fast-check'
import { change, type MergeType, type Stored } from '../../src/merge/merge.ts'
import { ValueCodec } from '../../src/node/api/value-codec.ts'

const replicaCount = 3
const tabCount = 4

/** One write, as an oracle sees it. `did` is what its writer did, in the words of the test. */
export interface Write<Did> {
  readonly did: Did
  readonly actor: string
  /** By the clocks: later than all that it has seen. */
  readonly time: number
  /** The writes that its writer had seen, directly or not. */
  readonly seen: ReadonlySet<Write<Did>>
}

interface Put<Did> {
  readonly write: Write<Did>
  readonly stored: Stored
  /** The writes that it replaces, by its context. */
  readonly covered: ReadonlySet<Put<Did>>
}

const step = <Intent>(intent: fc.Arbitrary<Intent>) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        step: fc.constant('write' as const),
        tab: fc.nat(tabCount - 1),
        at: fc.nat(replicaCount - 1),
        clock: fc.nat(30),
        intent,
        /** `lost`: the put fails, and its tab cannot know whether it took effect. `twice`: it is put once more. */
        fate: fc.constantFrom(
          'stored' as const,
          'stored' as const,
          'stored' as const,
          'lost' as const,
          'twice' as const,
        ),
        /** True if its context is that of the tab's last put, united with that of its read. */
        goesOn: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('sync' as const),
        from: fc.nat(replicaCount - 1),
        to: fc.nat(replicaCount - 1),
      }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('reload' as const), tab: fc.nat(tabCount - 1) }) },
  )

export const stories = <Intent>(intent: fc.Arbitrary<Intent>, maxLength = 30) => fc.array(step(intent), { maxLength })
export type Story<Intent> = readonly (ReturnType<typeof step<Intent>> extends fc.Arbitrary<infer S> ? S : never)[]

export interface Outcome<Did> {
  /** The siblings that a read of everything returns. */
  readonly values: readonly unknown[]
  /** The writes that took effect: those stored, and those that a stored one has seen. */
  readonly writes: ReadonlySet<Write<Did>>
  /** All values that were ever put. */
  readonly puts: readonly unknown[]
}

const codec = new ValueCodec()
const carried = (stored: Stored) => codec.decode(codec.encode(stored)) as Stored

/** The writes that a replica knows, and those that they replace. */
interface Replica<Did> {
  readonly known: Set<Put<Did>>
  readonly covered: Set<Put<Did>>
}

const siblingsOf = <Did>({ known, covered }: Replica<Did>): readonly Put<Did>[] =>
  [...known].filter((put) => !covered.has(put))

function take<Did>({ known, covered }: Replica<Did>, puts: Iterable<Put<Did>>): void {
  for (const put of puts) {
    if (known.has(put)) continue
    known.add(put)
    for (const each of put.covered) covered.add(each)
  }
}

const closure = <Did>(puts: Iterable<Put<Did>>): Set<Write<Did>> =>
  new Set([...puts].flatMap(({ write }) => [write, ...write.seen]))

/**
 * Plays a story. `act` says what a tab wants when it sees `shown`, and what it does by that.
 */
export function play<T, Intent, Did>(
  story: Story<Intent>,
  type: MergeType<T>,
  act: (intent: Intent, shown: T | undefined) => { readonly to: T; readonly did: Did },
  read: (type: MergeType<T>, values: readonly unknown[]) => T | undefined,
): Outcome<Did> {
  const replicas: Replica<Did>[] = Array.from({ length: replicaCount }, () => ({
    known: new Set(),
    covered: new Set(),
  }))
  const tabs = Array.from({ length: tabCount }, (_, tab) => ({
    actor: `tab${tab}.0`,
    boots: 0,
    last: [] as Put<Did>[],
  }))
  const puts: Put<Did>[] = []
  for (const each of story) {
    const replica = replicas[each.step === 'write' ? each.at : each.step === 'sync' ? each.to : 0] as Replica<Did>
    if (each.step === 'sync') take(replica, replicas[each.from]?.known ?? [])
    if (each.step === 'reload') {
      const tab = tabs[each.tab] as (typeof tabs)[number]
      tab.boots += 1
      tab.actor = `tab${each.tab}.${tab.boots}`
      tab.last = []
    }
    if (each.step !== 'write') continue
    const tab = tabs[each.tab] as (typeof tabs)[number]
    const sources = [...siblingsOf(replica), ...tab.last]
    const values = sources.map(({ stored }) => stored)
    const seen = closure(sources)
    const { to, did } = act(each.intent, read(type, values))
    const stored = carried(change(type, values, { to, stamp: { actor: tab.actor, time: each.clock } }))
    const time = Math.max(each.clock, ...[...seen].map((write) => write.time + 1))
    const covered = new Set([...replica.known, ...replica.covered])
    if (each.goesOn) for (const put of tab.last) for (const one of [put, ...put.covered]) covered.add(one)
    const put: Put<Did> = { write: { did, actor: tab.actor, time, seen }, stored, covered }
    puts.push(put)
    tab.last = [put]
    if (each.fate === 'lost') continue
    // A put that its caller repeats is another write to the ring, with the value of the first.
    take(replica, each.fate === 'twice' ? [put, { ...put, covered: new Set() }] : [put])
  }
  const whole: Replica<Did> = { known: new Set(), covered: new Set() }
  for (const { known } of replicas) take(whole, known)
  return {
    values: siblingsOf(whole).map((put) => put.stored),
    writes: closure(whole.known),
    puts: puts.map((put) => put.stored),
  }
}
