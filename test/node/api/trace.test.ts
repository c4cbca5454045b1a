/**
 * The trace of a node: what it tells of one request, of a node that is away and comes back, and nothing else.
 */
import { expect, test } from 'vitest'
import { Trace, type TraceEvent } from '../../../src/node/api/trace.ts'
import type { StorageNode } from '../../../src/node/storage-node.ts'
import type { Place } from '../../simulation/world.ts'
import { nodeOf, type VirtualRing, virtualRing } from '../virtual-ring.ts'

/** The places of a ring, and what the trace of the first one's node has told of their requests. */
function listened({ world }: VirtualRing) {
  const [first] = world.places as [Place]
  const node = nodeOf(first)
  const heard: TraceEvent[] = []
  const stop = node.trace((event) => heard.push(event))
  return { node, heard, stop }
}

/** Gossip and upkeep go on beside every request. */
const isUpkeep = (event: TraceEvent) =>
  event.type === 'message' && !['put', 'stored', 'get', 'record'].includes(event.kind)

/** Events as lines; nodes by the numbers of their places. */
function storyOf({ world }: VirtualRing, events: readonly TraceEvent[]): readonly string[] {
  const place = (node: string | null) => world.places.findIndex(({ boot }) => boot?.node?.id === node)
  return events.map((event) => {
    switch (event.type) {
      case 'request':
        if (event.step === 'begun') return `${event.request} of ${event.key}`
        if (event.step === 'asked') return `ask ${place(event.node)}, ${event.role}`
        if (event.step === 'answered') return `${place(event.node)} ${event.answer} as ${event.said}`
        return event.step === 'settled' ? event.outcome : event.step
      case 'message':
        return `${event.step} ${event.kind} ${place(event.node)}`
      default:
        return 'step' in event ? `${event.type} ${event.step}` : event.type
    }
  })
}

test('one put and one get in a ring of three tell their whole story in order', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { node, heard } = listened(ring)
  await ring.ahead(node.put('k', null, 'v'))
  await ring.ahead(node.get('k', { r: 3 }))
  const put = ['ask 2, owner', 'sent put 2', 'ask 1, owner', 'sent put 1', 'ask 0, owner']
  const get = ['ask 2, owner', 'sent get 2', 'ask 1, owner', 'sent get 1', 'ask 0, owner']
  const story = heard.filter((event) => !isUpkeep(event))
  expect(storyOf(ring, story)).toEqual([
    ...['put of k', 'written', ...put],
    ...['storage commit', '0 counted as owner', 'received stored 2', '2 counted as owner', 'quorum'],
    ...['received stored 1', '1 counted as owner'],
    ...['get of k', ...get],
    ...['0 counted as owner', 'received record 2', '2 counted as owner', 'received record 1', '1 counted as owner'],
    'quorum',
  ])
})

test('the steps of a request have one id, its messages another, and times that fit', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { node, heard } = listened(ring)
  await ring.ahead(node.put('k', null, 'v', { w: 3 }))
  const steps = heard.flatMap((event) => (event.type === 'request' ? [event] : []))
  expect(new Set(steps.map(({ id }) => id)).size).toBe(1)
  for (const step of steps) {
    if (step.step !== 'answered') continue
    const asked = steps.find((other) => other.step === 'asked' && other.node === step.node)
    expect(step.ms).toBe(step.at - (asked?.at ?? 0))
  }
  const messages = heard.flatMap((event) => (event.type === 'message' && event.step !== 'unanswered' ? [event] : []))
  const sent = messages.filter(({ kind }) => kind === 'put')
  expect(sent).toHaveLength(2)
  for (const { id, node: to, bytes } of sent) {
    expect(bytes).toBeGreaterThan(20)
    expect(messages.filter((other) => other.kind === 'stored' && other.id === id && other.node === to)).toHaveLength(1)
  }
})

test('a node that is away and comes back: its member, and its exchanges, and no hint where all are owners', async () => {
  const heard: (TraceEvent & { readonly teller: string })[] = []
  const serving = (node: StorageNode) => void node.trace((event) => heard.push({ ...event, teller: node.id }))
  const { world, clock, ahead } = await virtualRing({ nodes: 3 }, { serving })
  const [writer, , away] = world.places as [Place, Place, Place]
  const { id } = nodeOf(away)
  heard.length = 0
  world.crash(away)
  await clock.run(20_000)
  for (let index = 0; index < 40; index += 1) await ahead(nodeOf(writer).put(`key ${index}`, null, index))
  world.start(away)
  await clock.run(60_000)

  const members = heard.filter(({ type, teller }) => type === 'member' && teller === nodeOf(writer).id)
  const changes = members.flatMap((event) => (event.type === 'member' ? [`${event.from} to ${event.to}`] : []))
  expect(changes).toEqual(['alive to suspect', 'suspect to dead', 'dead to alive'])

  expect(heard.filter(({ type }) => type === 'hint')).toEqual([])
  const exchanges = heard.flatMap((event) => (event.type === 'exchange' && event.teller === id ? [event] : []))
  const first = exchanges.find(({ step }) => step === 'moved')
  const steps = exchanges.filter((event) => event.id === first?.id)
  expect(steps).toMatchObject([
    { step: 'begun', node: expect.any(String), why: 'anti-entropy', partitions: 1024 },
    // Nothing is here of what the other has: one prefix is compared, and all its keys come.
    { step: 'descended', level: 1, of: 'prefixes', count: 1 },
    { step: 'compared', ours: 0, theirs: 40 },
    { step: 'moved', way: 'taken', records: 32 },
    { step: 'moved', way: 'taken', records: 8 },
    { step: 'ended', outcome: 'in step', records: 40 },
  ])
  const inSync = heard.filter((event) => event.type === 'ownership' && event.teller === id && event.step === 'in sync')
  expect(inSync.length).toBeGreaterThan(0)
  // A log of it can be exported.
  expect(JSON.parse(JSON.stringify(heard))).toEqual(heard)
})

test('a stand-in keeps a hint, delivers it, and strikes it off', async () => {
  const heard: string[] = []
  const serving = (node: StorageNode) =>
    void node.trace((event) => {
      if (event.type === 'hint') heard.push(`${event.step} ${event.keys} for ${event.targets} at ${node.id}`)
    })
  const { world, clock, ahead } = await virtualRing({ nodes: 5 }, { serving })
  const [writer] = world.places as [Place]
  const [away] = nodeOf(writer)
    .placement('k')
    .owners.filter((id) => id !== nodeOf(writer).id)
  const place = world.places.find(({ boot }) => boot?.node?.id === away) as Place
  world.crash(place)
  await clock.run(20_000)
  await ahead(nodeOf(writer).put('k', null, 'v'))
  const [keeper] = nodeOf(writer).placement('k').fallbacks
  expect(heard).toEqual([`kept k for ${away} at ${keeper}`])
  world.start(place)
  await clock.run(60_000)
  expect(heard.slice(1)).toEqual([`delivered k for ${away} at ${keeper}`, `struck off k for ${away} at ${keeper}`])
})

test('an owner that is out of reach, and one that does not answer, are part of the story', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { node, heard } = listened(ring)
  const [, silent, gone] = ring.world.places as [Place, Place, Place]
  ring.world.close(gone)
  await ring.clock.run(1_000)
  silent.boot?.freeze()
  await ring.ahead(node.put('k', null, 'v', { timeoutMs: 3_000 }))
  const story = storyOf(
    ring,
    heard.filter((event) => event.type === 'request'),
  )
  expect(story).toContain('-1 failed as unreachable')
  expect(story).toContain('1 slow as null')
  expect(story).toContain('1 failed as silent')
  expect(story.at(-1)).toBe('no quorum')
  const why = heard.flatMap((event) =>
    event.type === 'message' && event.step === 'unanswered' ? [`${event.kind} ${event.why}`] : [],
  )
  expect(why).toContain('put silent')
})

test('nothing is told once the listening has ended, and a second listener goes on', async () => {
  const ring = await virtualRing({ nodes: 3 })
  const { node, heard, stop } = listened(ring)
  const other: TraceEvent[] = []
  const stopOther = node.trace((event) => other.push(event))
  stop()
  await ring.ahead(node.put('k', null, 'v'))
  expect([heard.length, other.length > 0]).toEqual([0, true])
  stopOther()
  const before = other.length
  await ring.ahead(node.put('k', null, 'w'))
  expect(other.length).toBe(before)
})

/** Puts at a node of a ring, whose trace `listener` hears; resolves to the results, and the errors nobody caught. */
async function putsHeardBy(listener: ((event: TraceEvent) => void) | null) {
  const uncaught: unknown[] = []
  const former = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => uncaught.push(error))
  try {
    const { world, ahead, clock } = await virtualRing({ nodes: 3 })
    const node: StorageNode = nodeOf(world.places[0] as Place)
    if (listener !== null) node.trace(listener)
    const results = []
    for (const value of ['v', 'w']) results.push(await ahead(node.put('k', null, value)), await ahead(node.get('k')))
    await clock.run(60_000)
    return { results, uncaught, status: node.status() }
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const each of former) process.on('unhandledRejection', each)
  }
}

test('a listener that throws changes nothing, and its error surfaces', async () => {
  const without = await putsHeardBy(null)
  const fault = new Error('the listener of the test throws')
  const { results, uncaught, status } = await putsHeardBy(() => {
    throw fault
  })
  expect(results).toEqual(without.results)
  expect(status).toEqual(without.status)
  expect(without.uncaught).toEqual([])
  expect(uncaught.length).toBeGreaterThan(10)
  expect(new Set(uncaught)).toEqual(new Set([fault]))
})

test('without a listener no event is built', () => {
  const trace = new Trace({ now: () => 7 })
  let built = 0
  const step = () => {
    built += 1
    return { type: 'storage', step: 'checkpoint', partitions: built } as const
  }
  trace.tell?.(step())
  expect(built).toBe(0)
  const heard: TraceEvent[] = []
  const stop = trace.listen((event) => heard.push(event))
  trace.tell?.(step())
  stop()
  trace.tell?.(step())
  expect([built, heard]).toEqual([1, [{ at: 7, type: 'storage', step: 'checkpoint', partitions: 1 }]])
})

test('a listener that is no function is refused', async () => {
  const { node } = listened(await virtualRing({ nodes: 1 }))
  expect(() => node.trace(null as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})
