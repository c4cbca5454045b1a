/**
 * What callers may pass: everything else is refused with a typed error, and nothing has changed then.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TabringError } from '../../../src/errors.ts'
import { type MemoryCluster, openCluster } from '../../../src/memory/open-cluster.ts'
import { Events } from '../../../src/node/api/events.ts'

let cluster: MemoryCluster
beforeAll(async () => {
  cluster = await openCluster({ nodes: 1 })
})
afterAll(() => cluster.close())

/** As JavaScript calls it, without types. */
type Method = 'get' | 'put' | 'delete' | 'joined'
type Untyped = Record<Method, (...given: readonly unknown[]) => Promise<unknown>>
const node = () => cluster.node(0) as unknown as Untyped

const getter = Object.defineProperty({}, 'a', {
  enumerable: true,
  get: () => {
    throw new Error('no such thing')
  },
})

test.each([
  ['options that are none', 'get', ['k', null], 'invalid-option', /must be an object/],
  ['a wait that is no object', 'joined', [null], 'invalid-option', /must be an object/],
  ['a name that a put has and a get has not', 'get', ['k', { w: 1 }], 'invalid-option', /no option w/],
  ['a name that a get has and a put has not', 'put', ['k', null, 1, { r: 1 }], 'invalid-option', /no option r/],
  ['a misspelt name', 'put', ['k', null, 1, { ttl: 5 }], 'invalid-option', /no option ttl/],
  ['a deleted value that ends', 'delete', ['k', null, { expiresAt: 0 }], 'invalid-option', /no option expiresAt/],
  ['a misspelt wait', 'joined', [{ member: 1 }], 'invalid-option', /no option member/],
  ['members without a number', 'joined', [{ members: Number.NaN }], 'invalid-option', /members must be/],
  ['a strict that is neither', 'get', ['k', { strict: 'yes' }], 'invalid-option', /strict must be/],
  [
    'a controller instead of its signal',
    'get',
    ['k', { signal: new AbortController() }],
    'invalid-option',
    /signal must/,
  ],
  ['a number that cannot be shown', 'get', ['k', { r: Symbol('two') }], 'invalid-option', /r must be/],
  ['a value that cannot be read', 'put', ['k', null, getter], 'invalid-value', /no such thing/],
])('%s is refused, and the text says what was expected', async (_, method, given, code, message) => {
  const error = await node()
    [method as Method](...given)
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(TabringError)
  expect(error).toMatchObject({ code, changed: 'nothing', message: expect.stringMatching(message) })
})

test('a cluster without options is refused', async () => {
  const open = openCluster as unknown as (options?: unknown) => Promise<unknown>
  await expect(open()).rejects.toMatchObject({ code: 'invalid-option' })
})

test('requests with bad signals take no room from others', async () => {
  for (let request = 0; request < 1100; request += 1)
    await node()
      .get('k', { signal: {} })
      .catch(() => {})
  expect(await node().get('k')).toMatchObject({ values: [] })
})

test('an event that there is not is refused, and so is a listener that is no function', () => {
  const on = (...given: readonly unknown[]) =>
    (cluster.node(0).on as (...given: readonly unknown[]) => unknown)(...given)
  expect(() => on('member', () => {})).toThrow(/on takes one of members/)
  expect(() => on('members')).toThrow(TabringError)
})

test('the first who listens hears of what was lost before, and of each signaling server how it stands', async () => {
  const events = new Events()
  events.emit('data-loss', { reason: 'evicted', previousId: 'a' })
  events.emit('signaling', { url: 'wss://one', state: 'retrying' })
  events.emit('signaling', { url: 'wss://two', state: 'open' })
  events.emit('signaling', { url: 'wss://one', state: 'refused', reason: 'no such socket' })
  const heard: unknown[] = []
  events.on('signaling', (event) => heard.push(event))
  events.on('data-loss', (event) => heard.push(event))
  await Promise.resolve()
  expect(heard).toEqual([
    { url: 'wss://two', state: 'open' },
    { url: 'wss://one', state: 'refused', reason: 'no such socket' },
    { reason: 'evicted', previousId: 'a' },
  ])
  const late: unknown[] = []
  events.on('signaling', (event) => late.push(event))
  await Promise.resolve()
  expect(late).toEqual([])
})
