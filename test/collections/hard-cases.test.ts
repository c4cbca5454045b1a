/**
 * Hard cases of collections: writes that fail and are stored all the same, schemas that show other values than are
 * stored, and code of the application that throws. Method: a node of one key, which does as a test says.
 */
import { describe, expect, test } from 'vitest'
import { openCollection } from '../../src/collections/collection.ts'
import { type CollectionOptions, defineCollection } from '../../src/collections/define-collection.ts'
import type { KeyedValues } from '../../src/collections/keyed.ts'
import type { Setting } from '../../src/collections/setting.ts'
import type { StandardSchema } from '../../src/collections/standard-schema.ts'
import type { Collection, GroupView, View } from '../../src/collections/types.ts'
import { bounds } from '../../src/core/bounds.ts'
import { TabringError } from '../../src/errors.ts'
import { counter, fields, read, set } from '../../src/merge/merge.ts'
import type { FollowStatus, NodeAccess, ScannedEntry, ScanResult } from '../../src/node/api/named-requests.ts'
import type { Context, GetResult, PutResult } from '../../src/node/api/tabring-node.ts'

type Listener = (changed: readonly ScannedEntry[], status: FollowStatus) => void

const complete = { context: 'context' as unknown as Context, acks: 1, devices: 1, hinted: 0, quorum: true }

/** A node that holds one key, whatever it is asked for. Its time stands still. */
class OneKey implements NodeAccess {
  values: readonly unknown[] = []
  /** Writes that were rejected, and that another node holds all the same. */
  readonly elsewhere: unknown[] = []
  /** The error of each put, if any. */
  failure: TabringError | null = null
  isClosed = false
  page: ScanResult = { entries: [], next: null, replies: 1, quorum: true }
  readonly follows: { readonly listener: Listener; isStopped: boolean }[] = []
  #timers: (() => void)[] = []
  #actors = 0

  async get(): Promise<GetResult<unknown>> {
    return { values: this.values, context: null, replies: 1, quorum: true }
  }

  async put(...[, , value]: Parameters<NodeAccess['put']>): Promise<PutResult> {
    if (this.failure === null) this.values = [value]
    else {
      this.elsewhere.push(value)
      throw this.failure
    }
    return complete
  }

  async delete(): Promise<PutResult> {
    this.values = []
    return complete
  }

  async scan(): Promise<ScanResult> {
    return this.page
  }

  follow(...[, , listener]: Parameters<NodeAccess['follow']>): () => void {
    if (this.isClosed) throw new TabringError('closed', 'the node is closed')
    const follow = { listener, isStopped: false }
    this.follows.push(follow)
    return () => {
      follow.isStopped = true
    }
  }

  after(_: number, task: () => void): () => void {
    this.#timers.push(task)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== task)
    }
  }

  wall(): number {
    return 1_000
  }

  mintActor(): string {
    this.#actors += 1
    return `actor ${this.#actors}`
  }

  /** Lets the time of all timers come. */
  elapse(): void {
    for (const task of this.#timers.splice(0)) task()
  }

  /** Tells the followers of values of the key `k`, outside of groups. */
  tell(values: readonly unknown[]): void {
    const name = { collection: 'things', group: null, key: 'k' }
    for (const { listener } of this.follows) listener([{ name, values }], 'live')
  }
}

interface Todo {
  readonly title: string
  readonly tags: readonly string[]
  readonly votes: number
}

const Votes = fields<{ votes: number }>({ votes: counter() })
const TodoMerge = fields<Todo>({ tags: set(), votes: counter() })
const old = { title: 'old' } as Todo

/** A collection at a node, whose options are of one type of values. */
function opened<T>(
  access: NodeAccess,
  options: CollectionOptions<T> & { readonly schema?: StandardSchema<T> } = {},
): Collection<T> {
  return openCollection('things', options as unknown as Setting['options'], access) as unknown as Collection<T>
}

/** A schema that shows a value in the form that a function gives it. */
const showing = <T>(shown: (value: T) => T): StandardSchema<T> => ({
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: shown(value as T) }) },
})

interface Counted {
  readonly n: number | string
  readonly more?: string
}

/** A schema that refuses an `n` that is not a number. */
const numbersOnly: StandardSchema<Counted> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof (value as Counted).n === 'number' ? { value: value as Counted } : { issues: [{ message: 'no number' }] },
  },
}

/** A turn of the event loop: what was ready has run by then. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The errors that surface as unhandled rejections while a function runs. */
async function uncaughtIn(run: () => Promise<void>): Promise<readonly unknown[]> {
  const uncaught: unknown[] = []
  const former = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => uncaught.push(error))
  try {
    await run()
    await turn()
    return uncaught
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const each of former) process.on('unhandledRejection', each)
  }
}

describe('a write after one that failed', () => {
  test('does not undo what was stored at another node, though its read lags', async () => {
    const node = new OneKey()
    const votes = opened(node, { merge: Votes })
    await votes.set('k', { votes: 0 })
    await votes.update('k', (value) => value && { votes: value.votes + 1 })
    node.failure = new TabringError('quorum-unreachable', 'one node holds it', 'stored')
    await expect(votes.update('k', (value) => value && { votes: value.votes + 10 })).rejects.toBe(node.failure)
    node.failure = null
    await votes.update('k', (value) => value && { votes: value.votes + 100 })
    expect(read(Votes, [...node.values, ...node.elsewhere])).toEqual({ votes: 111 })
  })

  test('of the same ms shares no dot with it: siblings come to one value in any order', async () => {
    const node = new OneKey()
    const votes = opened(node, { merge: Votes })
    await votes.set('k', { votes: 0 })
    node.failure = new TabringError('aborted', 'aborted', 'unknown')
    await expect(votes.update('k', (value) => value && { votes: value.votes + 10 })).rejects.toBe(node.failure)
    node.failure = null
    await votes.update('k', (value) => value && { votes: value.votes + 100 })
    const siblings = [...node.values, ...node.elsewhere]
    expect(read(Votes, siblings)).toEqual({ votes: 110 })
    expect(read(Votes, siblings.reverse())).toEqual({ votes: 110 })
  })
})

describe('an update under a schema', () => {
  test('that fills defaults in keeps a default to which it adds', async () => {
    const node = new OneKey()
    const schema = showing<Todo>((todo) => ({ ...todo, tags: todo.tags ?? ['inbox'], votes: todo.votes ?? 10 }))
    const todos = opened(node, { merge: TodoMerge, schema })
    await opened(node, { merge: TodoMerge }).set('k', old)
    expect((await todos.get('k')).value).toEqual({ title: 'old', tags: ['inbox'], votes: 10 })
    await todos.update('k', (todo) => todo && { ...todo, tags: [...todo.tags, 'a'], votes: todo.votes + 1 })
    const { value } = await todos.get('k')
    expect([value?.tags.toSorted(), value?.votes]).toEqual([['a', 'inbox'], 11])
  })

  test('that shows an element in another form removes that element', async () => {
    const node = new OneKey()
    const schema = showing<Todo>((todo) => ({ ...todo, tags: todo.tags.map((tag) => tag.toLowerCase()) }))
    const todos = opened(node, { merge: TodoMerge, schema })
    await opened(node, { merge: TodoMerge }).set('k', { ...old, tags: ['A', 'b'], votes: 0 })
    await todos.update('k', (todo) => todo && { ...todo, tags: todo.tags.filter((tag) => tag !== 'a') })
    expect((await todos.get('k')).value?.tags).toEqual(['b'])
  })

  test.each([
    ['leaves absent keys alone', (value: Counted | undefined) => value && { ...value, more: 'done' }] as const,
    ['gives absent keys a value', (value: Counted | undefined) => value ?? { n: 0 }] as const,
  ])('that refuses what is stored is rejected, and changes nothing, if it %s', async (_, change) => {
    const node = new OneKey()
    const newer = opened<Counted>(node)
    const stored = { n: 'of a newer version', more: 'is kept' }
    await newer.set('k', stored)
    const updating = opened(node, { schema: numbersOnly }).update('k', change)
    await expect(updating).rejects.toMatchObject({ code: 'invalid-value', changed: 'nothing' })
    expect((await newer.get('k')).value).toEqual(stored)
  })
})

describe('code of the application that throws', () => {
  test('in a listener harms neither the write nor what is pending, and its error surfaces', async () => {
    const things = opened<number>(new OneKey())
    const fault = new Error('the listener of the test throws')
    const view = things.watch('k')
    const uncaught = await uncaughtIn(async () => {
      view.subscribe(() => {
        throw fault
      })
      expect(await things.set('k', 1)).toMatchObject({ quorum: true })
    })
    expect(view.current.pending).toBe(false)
    // At the beginning, when the write begins, and when it is settled.
    expect(uncaught).toEqual([fault, fault, fault])
  })

  test('in a schema, on what a stranger wrote, is a fault of that value alone', () => {
    const node = new OneKey()
    const things = opened(node, { schema: showing<string>((value) => value.trim()) })
    const seen: GroupView<string>[] = []
    things
      .group('g')
      .watch()
      .subscribe((view) => seen.push(view))
    const entryOf = (key: string, value: unknown) => ({
      name: { collection: 'things', group: 'g', key },
      values: [value],
    })
    node.follows[0]?.listener([entryOf('a', 7), entryOf('b', ' b ')], 'live')
    expect(seen.at(-1)).toMatchObject({ status: 'live', invalid: 1, entries: [{ key: 'b', value: 'b' }] })
  })

  test('in a schema, while a write is shown, leaves nothing pending', async () => {
    let calls = 0
    const schema = showing<string>((value) => {
      calls += 1
      if (calls > 1) throw new Error('the schema of the test throws')
      return value
    })
    const things = opened(new OneKey(), { schema })
    const states: View<string>[] = []
    const view = things.watch('k')
    view.subscribe((state) => states.push(state))
    await things.set('k', 'a')
    expect(states).toContainEqual({ value: undefined, status: 'loading', pending: true, invalid: true })
    expect(view.current.pending).toBe(false)
  })
})

describe('a view', () => {
  test('without listeners for a while is loading again, and is ready only after it has read again', async () => {
    const node = new OneKey()
    const view = opened<unknown>(node).watch('k')
    const stop = view.subscribe(() => {})
    node.tell([1])
    expect(view.current.status).toBe('live')
    stop()
    node.elapse()
    expect([node.follows[0]?.isStopped, view.current.status]).toEqual([true, 'loading'])
    const ready: View<unknown>[] = []
    void view.ready.then((state) => ready.push(state))
    const states: View<unknown>[] = []
    view.subscribe((state) => states.push(state))
    await turn()
    expect([ready, states.map(({ status }) => status)]).toEqual([[], ['loading']])
    node.tell([])
    await turn()
    expect(ready.map(({ status }) => status)).toEqual(['live'])
  })

  test('of a closed node throws at each subscription, and leaves no listener behind', () => {
    const node = new OneKey()
    node.isClosed = true
    const things = opened<unknown>(node)
    const view = things.watch('k')
    for (let times = 0; times < 3; times += 1) expect(() => view.subscribe(() => {})).toThrow('closed')
    expect((things as unknown as KeyedValues).onPending.size).toBe(0)
  })
})

describe('many keys', () => {
  /** A node that refuses more requests at once than a real one takes. */
  class Crowded extends OneKey {
    #underWay = 0

    override get = () => this.#taken({ values: [], context: null, replies: 1, quorum: true })
    override put = () => this.#taken(complete)

    async #taken<R>(result: R): Promise<R> {
      if (this.#underWay >= bounds.operationsMax) throw new TabringError('overloaded', 'too many requests')
      this.#underWay += 1
      await turn()
      this.#underWay -= 1
      return result
    }
  }

  test('are read and written though they are more than the requests that may be under way', async () => {
    const things = opened<number>(new Crowded())
    const keys = Array.from({ length: bounds.operationsMax + 1 }, (_, index) => `key ${index}`)
    expect((await things.getMany(keys)).size).toBe(keys.length)
    const { stored, failed } = await things.setMany(keys.map((key) => [key, 1] as const))
    expect([stored, failed.size]).toEqual([keys.length, 0])
  })

  test('of a page without a quorum count as unreached, also if the limit ends the list on that page', async () => {
    const node = new OneKey()
    await opened<number>(node).set('a', 1)
    const entries = [{ name: { collection: 'things', group: 'g', key: 'a' }, values: node.values }]
    node.page = { entries, next: null, replies: 0, quorum: false }
    const scan = opened<number>(node).group('g').entries({ limit: 1 })
    const found: number[] = []
    for await (const { value } of scan) found.push(value)
    expect([found, scan.unreached]).toEqual([[1], 1])
  })
})

test.each([0, -1, 1.5])('a definition with an r or a w of %d is refused', (count) => {
  for (const options of [{ r: count }, { w: count }])
    expect(() => defineCollection('things', options)).toThrow('whole number from 1')
})
