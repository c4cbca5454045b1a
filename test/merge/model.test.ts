/**
 * Goal: what a merge type shows is what its writers meant. Method: tabs change one key by a random story; an oracle per
 * type computes the value from the list of what each writer did and had seen, without any state.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counter, each, fields, join, latest, type MergeType, read, set } from '../../src/merge/merge.ts'
import { type Outcome, play, type Story, stories, type Write } from './story.ts'

const numRuns = 400

/** Plays stories, and compares what everybody sees in the end with what the oracle computes. */
function holds<T, Intent, Did>(
  type: MergeType<T>,
  intent: fc.Arbitrary<Intent>,
  act: (intent: Intent, shown: T | undefined) => { readonly to: T; readonly did: Did },
  oracle: (writes: ReadonlySet<Write<Did>>) => T | undefined,
  runs = numRuns,
): void {
  const check = (story: Story<Intent>) => {
    const { values, writes }: Outcome<Did> = play(story, type, act, read)
    expect(read(type, values)).toEqual(oracle(writes))
  }
  fc.assert(fc.property(stories(intent), check), { numRuns: runs })
}

const sawNone = <Did>(writes: Iterable<Write<Did>>, write: Write<Did>, isUndoing: (did: Did) => boolean) =>
  ![...writes].some((other) => other.seen.has(write) && isUndoing(other.did))

const later = (a: Write<unknown>, b: Write<unknown>) => a.time - b.time || (a.actor < b.actor ? -1 : 1)

describe('counter', () => {
  test('counts each change once, whatever was read, retried, lost or reloaded', () => {
    const act = (by: number, shown = 0) => ({ to: shown + by, did: by })
    const oracle = (writes: ReadonlySet<Write<number>>) =>
      writes.size === 0 ? undefined : [...writes].reduce((sum, { did }) => sum + did, 0)
    holds(counter(), fc.integer({ min: -5, max: 5 }), act, oracle)
  })

  test('200 increments of five actors, two at once in one tab, through reads that lag, are 200', () => {
    const write = fc.record({ tab: fc.nat(3), at: fc.nat(2), clock: fc.nat(30), goesOn: fc.boolean() })
    const sync = fc.record({ from: fc.nat(2), to: fc.nat(2) })
    const arbitrary = fc.tuple(
      fc.array(write, { minLength: 100, maxLength: 100 }),
      fc.array(sync, { minLength: 100, maxLength: 100 }),
    )
    const toStory = ([writes, syncs]: readonly [readonly object[], readonly object[]]) =>
      writes.flatMap((each, index) => {
        const put = { step: 'write', intent: 1, fate: index % 7 === 0 ? 'twice' : 'stored', ...each }
        const reload = index === 50 ? [{ step: 'reload', tab: 0 }] : []
        return [...reload, put, { ...put, fate: 'stored' }, { step: 'sync', ...syncs[index] }]
      }) as unknown as Story<number>
    const check = (parts: readonly [readonly object[], readonly object[]]) => {
      const { values } = play(toStory(parts), counter(), (by, shown = 0) => ({ to: shown + by, did: by }), read)
      expect(read(counter(), values)).toBe(200)
    }
    fc.assert(fc.property(arbitrary, check), { numRuns: 10, endOnFailure: true })
  })
})

describe('set', () => {
  const elements = ['a', 'b', 3, { x: [1, null] }] as const
  type Element = (typeof elements)[number]
  interface Did {
    readonly added: readonly Element[]
    readonly removed: readonly Element[]
  }
  const has = (list: readonly unknown[], element: Element) =>
    list.some((each) => JSON.stringify(each) === JSON.stringify(element))

  test('has each element that was added and not removed since by a writer that had seen it', () => {
    const act = (to: readonly Element[], shown: readonly Element[] = []): { to: Element[]; did: Did } => ({
      to: [...to],
      did: { added: to.filter((e) => !has(shown, e)), removed: shown.filter((e) => !has(to, e)) },
    })
    const oracle = (writes: ReadonlySet<Write<Did>>) => {
      const isIn = (element: Element) =>
        [...writes].some(
          (write) => has(write.did.added, element) && sawNone(writes, write, ({ removed }) => has(removed, element)),
        )
      return writes.size === 0 ? undefined : ([3, 'a', 'b', { x: [1, null] }] as Element[]).filter(isIn)
    }
    holds(set<Element>(), fc.subarray([...elements]), act, oracle)
  })
})

const names = ['eggs', 'milk', 'toString'] as const
type Name = (typeof names)[number]

describe('each', () => {
  type Cart = Record<string, number>
  type Did = ReadonlyMap<string, number | 'removed'>
  const intent = fc.record({
    name: fc.constantFrom(...names),
    by: fc.option(fc.integer({ min: -2, max: 5 }), { freq: 4 }),
    clear: fc.boolean(),
  })
  const act = ({ name, by, clear }: { name: Name; by: number | null; clear: boolean }, shown: Cart = {}) => {
    const to = new Map(clear && by === null ? [] : Object.entries(shown))
    const did = new Map<string, number | 'removed'>()
    if (clear && by === null) for (const each of Object.keys(shown)) did.set(each, 'removed')
    if (by !== null) {
      to.set(name, (to.get(name) ?? 0) + by)
      if (by !== 0 || !Object.hasOwn(shown, name)) did.set(name, by)
    } else if (to.delete(name)) did.set(name, 'removed')
    return { to: Object.fromEntries(to), did }
  }

  /** Of each actor: what it has counted since it last saw the entry removed. It is gone if a remover had seen all. */
  function share(actor: string, name: string, writes: ReadonlySet<Write<Did>>): number | undefined {
    const own = [...writes]
      .filter((write) => write.actor === actor && typeof write.did.get(name) === 'number')
      .sort(later)
    let total: number | undefined
    let last: Write<Did> | undefined
    for (const write of own) {
      const isGoneFor = (view: ReadonlySet<Write<Did>>) =>
        last === undefined || !sawNone(view, last, (did) => did.get(name) === 'removed')
      total = (isGoneFor(write.seen) ? 0 : (total ?? 0)) + (write.did.get(name) as number)
      last = write
    }
    return last === undefined || !sawNone(writes, last, (did) => did.get(name) === 'removed') ? undefined : total
  }

  test('of counters: a removal takes what it saw, and the share of no actor that counts at the same time', () => {
    const oracle = (writes: ReadonlySet<Write<Did>>): Cart | undefined => {
      const actors = new Set([...writes].map(({ actor }) => actor))
      const counts = [...names].flatMap((name) => {
        const shares = [...actors].flatMap((actor) => share(actor, name, writes) ?? [])
        return shares.length === 0 ? [] : [[name, shares.reduce((a, b) => a + b, 0)] as const]
      })
      return writes.size === 0 ? undefined : Object.fromEntries(counts)
    }
    holds(each(counter()), intent, act, oracle)
  })

  test('of counters is the cart: no addition is lost, but to a removal that saw it', () => {
    const check = (story: Story<Parameters<typeof act>[0]>) => {
      const { values, writes } = play(story, each(counter()), act, read)
      for (const name of names) {
        const added = [...writes].flatMap((write) => {
          const by = write.did.get(name)
          return typeof by === 'number' && sawNone(writes, write, (did) => did.get(name) === 'removed') ? [by] : []
        })
        if (added.length > 0) {
          expect(read(each(counter()), values)?.[name]).toBeGreaterThanOrEqual(added.reduce((a, b) => a + b, 0))
        }
      }
    }
    const only = intent.map(({ by, ...rest }) => ({ ...rest, by: by === null ? null : Math.abs(by) }))
    fc.assert(fc.property(stories(only), check), { numRuns })
  })
})

interface Row {
  readonly title: string
  readonly note?: string
  readonly tags: readonly string[]
  readonly votes: number
}
const rowType = fields<Row>({ tags: set(), votes: counter() })
const texts = ['x', 'y', 'z']
const rowIntent = fc.record(
  {
    title: fc.constantFrom(...texts),
    note: fc.constantFrom(...texts, null),
    tags: fc.subarray(texts),
    by: fc.integer({ min: -3, max: 3 }),
  },
  { requiredKeys: [] },
)
type RowIntent = typeof rowIntent extends fc.Arbitrary<infer I> ? I : never
type RowDid = ReadonlyMap<string, unknown>

/** The row that a tab wants, and what it does by that: properties it writes, tags it adds or removes, its count. */
function edit({ title, note, tags, by = 0 }: RowIntent, shown?: Row): { readonly to: Row; readonly did: RowDid } {
  const before: Row = shown ?? { title: 'x', tags: [], votes: 0 }
  const { note: oldNote, ...rest } = before
  const newNote = note === undefined ? oldNote : note
  const to: Row = {
    ...rest,
    title: title ?? before.title,
    tags: tags ?? before.tags,
    votes: before.votes + by,
    ...(newNote == null ? {} : { note: newNote }),
  }
  const did = new Map<string, unknown>()
  if (shown === undefined) did.set('created', true)
  if (shown === undefined || to.title !== shown.title) did.set('title', to.title)
  if (to.note !== shown?.note) did.set('note', to.note)
  for (const tag of texts) {
    if (to.tags.includes(tag) !== (shown?.tags.includes(tag) ?? false)) did.set(`tag ${tag}`, to.tags.includes(tag))
  }
  did.set('by', by)
  return { to, did }
}

/** The row that writes come to. `isDead`: whether something else has taken away all that a write did. */
function rowOf(writes: ReadonlySet<Write<RowDid>>, isDead: (write: Write<RowDid>) => boolean = () => false): Row {
  const alive = [...writes].filter((write) => !isDead(write))
  const left = (what: string) =>
    alive
      .filter((write) => write.did.has(what) && sawNone(writes, write, (did) => did.has(what)))
      .filter(({ did }) => did.get(what) !== undefined && did.get(what) !== false)
      .sort(later)
  // Tags: a writer that adds a tag anew has not seen it, so only a removal undoes.
  const isIn = (tag: string) =>
    alive.some(
      (write) =>
        write.did.get(`tag ${tag}`) === true && sawNone(writes, write, (did) => did.get(`tag ${tag}`) === false),
    )
  const note = left('note').at(-1)?.did.get('note') as string | undefined
  return {
    title: left('title').at(-1)?.did.get('title') as string,
    tags: texts.filter(isIn),
    votes: alive.reduce((sum, { did }) => sum + ((did.get('by') as number | undefined) ?? 0), 0),
    ...(note === undefined ? {} : { note }),
  }
}

describe('fields', () => {
  test('keep changes of different properties, and of one the latest; sets and counters inside keep theirs', () => {
    holds(rowType, rowIntent, edit, (writes) => (writes.size === 0 ? undefined : rowOf(writes)))
  })

  test('of one property each: the greatest of those that nobody has seen wins', () => {
    const act = (to: string) => ({ to, did: to })
    const oracle = (writes: ReadonlySet<Write<string>>) =>
      [...writes]
        .filter((write) => sawNone(writes, write, () => true))
        .sort(later)
        .at(-1)?.did
    // Two writers of the same value are two writes only if they changed it.
    let count = 0
    holds(
      latest<string>(),
      fc.nat(1000).map(() => `value ${count++}`),
      act,
      oracle,
    )
  })
})

describe('each of fields', () => {
  const rowsType = each(fields<{ title: string; done: boolean }>())
  type Rows = Record<string, { title: string; done: boolean }>
  type Did = ReadonlyMap<string, unknown>
  const intent = fc.record({
    row: fc.constantFrom('r1', 'r2'),
    title: fc.option(fc.constantFrom(...texts)),
    done: fc.option(fc.boolean()),
    remove: fc.boolean(),
  })
  const act = (
    wanted: { row: string; title: string | null; done: boolean | null; remove: boolean },
    shown: Rows = {},
  ) => {
    const { row, title, done, remove } = wanted
    const did = new Map<string, unknown>()
    const before = shown[row]
    const { [row]: _, ...others } = shown
    if (remove) {
      if (before !== undefined) did.set(`${row} removed`, true)
      return { to: others, did }
    }
    const after = { title: title ?? before?.title ?? 'x', done: done ?? before?.done ?? false }
    if (before === undefined) did.set(`${row} created`, true)
    if (after.title !== before?.title) did.set(`${row} title`, after.title)
    if (after.done !== before?.done) did.set(`${row} done`, after.done)
    return { to: { ...others, [row]: after }, did }
  }

  test('shows a row whole or not at all: a removal that has seen its creation ends all that it had', () => {
    const oracle = (writes: ReadonlySet<Write<Did>>): Rows | undefined => {
      const isThere = (row: string, view: ReadonlySet<Write<Did>>) =>
        [...view].some(
          (write) => write.did.has(`${row} created`) && sawNone(view, write, (did) => did.has(`${row} removed`)),
        )
      const field = (row: string, name: string) =>
        [...writes]
          .filter(
            (write) =>
              write.did.has(`${row} ${name}`) &&
              sawNone(writes, write, (did) => did.has(`${row} ${name}`) || did.has(`${row} removed`)) &&
              // A writer that finds remains of a row, and no row, clears them away.
              ![...writes].some((other) => other.seen.has(write) && !isThere(row, other.seen)),
          )
          .sort(later)
          .at(-1)
          ?.did.get(`${row} ${name}`)
      const rows = ['r1', 'r2'].filter((row) => isThere(row, writes))
      const shown = rows.map((row) => [row, { title: field(row, 'title'), done: field(row, 'done') }])
      return writes.size === 0 ? undefined : (Object.fromEntries(shown) as Rows)
    }
    holds(rowsType, intent, act, oracle)
  })
})

describe('join', () => {
  test('is commutative, associative and idempotent, to the byte, and shows what its values show together', () => {
    const check = (story: Story<RowIntent>, parts: readonly number[]) => {
      const { puts } = play(story, rowType, edit, read)
      const [a, b, c] = [0, 1, 2].map((part) => join(puts.filter((_, index) => (parts[index] ?? 0) === part)))
      expect(join([a, b])).toEqual(join([b, a]))
      expect(join([join([a, b]), c])).toEqual(join([a, join([b, c])]))
      expect(join([a, a])).toEqual(a)
      expect(read(rowType, [join(puts)])).toEqual(read(rowType, puts))
    }
    fc.assert(fc.property(stories(rowIntent), fc.array(fc.nat(2), { maxLength: 30 }), check), { numRuns })
  })
})
