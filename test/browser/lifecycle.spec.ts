/**
 * Tabs come and go: slots, reloads, duplicates, crashes; and every failure a user can meet has its code.
 */
import type { Member, NodeOptions } from '../../src/index.ts'
import { expect, type PageGlobals, type Profile, test } from './world.ts'

const openIn = (page: Profile['page'], options: NodeOptions) =>
  page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options)

/** How opening a node ends in this tab, after `prepare` has been evaluated there. */
const outcomeOfOpening = (page: Profile['page'], options: object, prepare = '') =>
  page.evaluate(
    ([given, before]) => {
      const { harness } = window as unknown as PageGlobals
      globalThis.eval(before as string)
      return harness.outcome(() => harness.open(given as NodeOptions))
    },
    [options, prepare] as const,
  )

test('two tabs of one browser are two nodes on one device, and a reloaded or reopened tab resumes its slot', async ({
  world,
  engine,
}) => {
  const profile = await world.profile(engine)
  await profile.start()
  const options = { cluster: 'slots', signaling: world.signaling.url }
  const first = await profile.open(options)
  const secondPage = await profile.context.newPage()
  await profile.load(secondPage)
  const second = await openIn(secondPage, options)
  expect(second).not.toBe(first)
  await profile.joined(2)
  const devices = await profile.run((node) => node.members().map((member) => member.device), null)
  expect(new Set(devices).size).toBe(1)

  await secondPage.reload()
  await profile.load(secondPage)
  expect(await openIn(secondPage, options)).toBe(second)

  await profile.page.close()
  const thirdPage = await profile.context.newPage()
  await profile.load(thirdPage)
  expect(await openIn(thirdPage, options)).toBe(first)
})

test('what a closed tab alone holds is handed over by another tab of its browser, and its database is deleted', {
  tag: '@chromium',
}, async ({ world, engine }) => {
  const profile = await world.profile(engine)
  await profile.start()
  await profile.page.evaluate(() => {
    ;(window as unknown as PageGlobals).harness.bound('adoptAfterMs', 3_000)
  })
  const options = { cluster: 'orphans', signaling: world.signaling.url, n: 1 }
  await profile.open(options)
  const other = await profile.context.newPage()
  await profile.load(other)
  await openIn(other, options)
  await profile.joined(2)
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`)
  await profile.run((node, names) => Promise.all(names.map((name) => node.put(name, null, name))), keys)
  const databases = () =>
    profile.page.evaluate(async () => {
      const all = await indexedDB.databases()
      return all.filter(({ name }) => name?.startsWith('tabring:orphans:')).length
    })
  const held = await profile.run((node) => node.status().records, null)
  expect(held).toBeLessThan(keys.length)
  expect(await databases()).toBe(2)
  await other.close()
  await expect.poll(() => profile.run((node) => node.status().members, null), { timeout: 60_000 }).toBe(1)
  await expect.poll(databases, { timeout: 10_000 }).toBe(1)
  const read = (name: string) => profile.run(async (node, key) => (await node.get(key)).values, name)
  for (const name of keys) expect(await read(name)).toEqual([name])
})

test('a closed tab is noticed at once by the others', async ({ world, engine }) => {
  const ring = await world.ring([engine, engine], { cluster: 'closing' })
  const [a, b] = ring as [Profile, Profile]
  const noticed = a.run(
    (node) =>
      new Promise<boolean>((resolve) => {
        const look = (members: readonly Member[]) => members.some((member) => !member.reachable) && resolve(true)
        node.on('members', look)
        // It may have been noticed before this listened.
        look(node.members())
      }),
    null,
  )
  await b.page.close()
  expect(await noticed).toBe(true)
})

test('a node that leaves hands everything over and is forgotten by placement', {
  tag: '@chromium',
}, async ({ world, engine }) => {
  const ring = await world.ring([engine, engine, engine], { cluster: 'leaving', n: 1, r: 1, w: 1 })
  const [a, b, c] = ring as [Profile, Profile, Profile]
  const keys = Array.from({ length: 60 }, (_, index) => `key ${index}`)
  await a.run(async (node, names) => Promise.all(names.map((name) => node.put(name, null, name))), keys)
  await b.run((node) => node.leave(), null)
  for (const profile of [a, c]) {
    const values = await profile.run(
      async (node, names) => Promise.all(names.map(async (name) => (await node.get(name)).values)),
      keys,
    )
    expect(values).toEqual(keys.map((name) => [name]))
    expect(await profile.run((node) => node.status().members, null)).toBe(2)
  }
})

test('every failure a user can meet has a code and says whether anything changed', async ({ world, engine }) => {
  const profile = await world.profile(engine)
  await profile.start()
  const { page } = profile
  const nothing = { changed: 'nothing' }

  await test.step('what a browser lacks is named', async () => {
    for (const [api, text] of [
      ['indexedDB', 'IndexedDB'],
      ['RTCPeerConnection', 'WebRTC'],
      ['navigator.locks', 'Web Locks'],
    ] as const) {
      const [holder, name] = api.includes('.') ? ['Navigator.prototype', 'locks'] : ['window', api]
      const outcome = await outcomeOfOpening(
        page,
        { cluster: 'c' },
        `Object.defineProperty(${holder}, '${name}', { value: undefined, configurable: true })`,
      )
      expect(outcome).toMatchObject({ code: 'unsupported', ...nothing, message: expect.stringContaining(text) })
      await profile.load(page)
    }
  })

  await test.step('options that make no sense are refused before anything is opened', async () => {
    const bad = [
      {},
      { cluster: '' },
      { cluster: 'c', n: 0 },
      { cluster: 'c', r: 4 },
      { cluster: 'c', capacity: -1 },
      { cluster: 'c', secret: 'x' },
      { cluster: 'c', signaling: 'http://x' },
      { cluster: 'c', timeoutMs: 0 },
      { cluster: 'c', signal: {} },
      { cluster: 'c', rtc: [{ urls: 'stun:stun.example' }] },
      { cluster: 'c', rtc: { iceServers: [{ urls: 'stun.example' }] } },
      { cluster: 'c', rtc: { iceServers: [{ urls: 'turn:turn.example' }] } },
    ]
    for (const options of bad) {
      expect(await outcomeOfOpening(page, options), JSON.stringify(options)).toMatchObject({
        code: 'invalid-option',
        ...nothing,
      })
    }
  })

  await profile.open({ cluster: 'errors' })
  const attempt = (work: string) =>
    page.evaluate((source) => {
      const { harness } = window as unknown as PageGlobals
      return harness.outcome(() => globalThis.eval(`(${source})`)(harness.node))
    }, work)

  await test.step('keys, values and contexts are checked', async () => {
    const cases = [
      ["(node) => node.put('', null, 1)", 'invalid-key'],
      ["(node) => node.get('k'.repeat(1025))", 'invalid-key'],
      ["(node) => node.get('\\ud800')", 'invalid-key'],
      ["(node) => node.put('k', null, () => 1)", 'invalid-value'],
      ["(node) => node.put('k', null, new Map())", 'invalid-value'],
      ["(node) => { const loop = {}; loop.loop = loop; return node.put('k', null, loop) }", 'invalid-value'],
      ["(node) => node.put('k', 'no context', 1)", 'invalid-context'],
      ["(node) => node.get('k', { r: 9 })", 'invalid-option'],
    ] as const
    for (const [work, code] of cases) expect(await attempt(work), work).toMatchObject({ code, ...nothing })
  })

  await test.step('strict requests reject below their quorum and say what they stored', async () => {
    expect(await attempt("(node) => node.put('k', null, 1, { strict: true })")).toMatchObject({
      code: 'quorum-unreachable',
      changed: 'stored',
    })
    expect(await attempt("(node) => node.get('k', { strict: true })")).toMatchObject({
      code: 'quorum-unreachable',
      changed: 'nothing',
    })
  })

  await test.step('an aborted request and a closed node say so', async () => {
    expect(await attempt("(node) => node.get('k', { signal: AbortSignal.abort() })")).toMatchObject({ code: 'aborted' })
    await attempt('(node) => node.close()')
    for (const work of ["(node) => node.get('k')", "(node) => node.put('k', null, 1)", '(node) => node.joined()']) {
      expect(await attempt(work)).toMatchObject({ code: 'closed', ...nothing })
    }
  })
})

test('a node with another n is refused at once, on both sides, and says what differs', async ({ world, engine }) => {
  const [a, b] = [await world.profile(engine), await world.profile(engine)]
  const outcomes = []
  for (const [profile, n] of [
    [a, 3],
    [b, 2],
  ] as const) {
    await profile.start()
    await profile.open({ cluster: 'mismatch', signaling: world.signaling.url, n })
  }
  for (const { page } of [a, b]) {
    outcomes.push(
      page.evaluate(() => {
        const { harness } = window as unknown as PageGlobals
        return harness.outcome(() => harness.node?.joined({ timeoutMs: 60_000 }) ?? Promise.resolve())
      }),
    )
  }
  for (const outcome of await Promise.all(outcomes)) {
    expect(outcome).toMatchObject({
      code: 'cluster-mismatch',
      message: expect.stringMatching(/n is \d here and \d there/),
    })
  }
})

test('a signaling server that refuses ends the waiting', async ({ world, engine }) => {
  const profile = await world.profile(engine)
  await profile.start(async (context) => {
    // The real server, but the room tag is spoiled on the way: it refuses what it cannot read.
    await context.routeWebSocket(/.*/, (socket) => {
      const server = socket.connectToServer()
      socket.onMessage((message) => server.send(String(message).replace(/"room":"\w+"/, '"room":"?"')))
    })
  })
  await profile.open({ cluster: 'refused', signaling: world.signaling.url })
  const outcome = await profile.page.evaluate(() => {
    const { harness } = window as unknown as PageGlobals
    return harness.outcome(() => harness.node?.joined({ timeoutMs: 60_000 }) ?? Promise.resolve())
  })
  expect(outcome).toMatchObject({ code: 'signaling-refused', message: expect.stringContaining('malformed') })
})
