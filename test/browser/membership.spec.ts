/**
 * Who is here, in real tabs: a mesh that goes on without its server, tabs that sleep, pairs that cannot connect, tabs
 * without a route.
 */
import type { Page } from '@playwright/test'
import { startSignaling } from '../../signaling/server.ts'
import type { Member, NodeOptions } from '../../src/index.ts'
import { bridge, routelessChromium } from './routeless.ts'
import { sleepFor } from './sleeper.ts'
import { expect, type PageGlobals, type Profile, test } from './world.ts'

const joinTimeoutMs = 60_000
/**
 * With the server there are three members, and perhaps one that looks in. With each a newcomer exchanges an offer, an
 * answer and candidates.
 */
const [listenersMost, messagesEachMost] = [4, 12]

/** Loads so many more tabs of a profile. */
async function loadTabs(profile: Profile, count: number): Promise<readonly Page[]> {
  const pages: Page[] = []
  for (let index = 0; index < count; index += 1) {
    const page = await profile.context.newPage()
    await profile.load(page)
    pages.push(page)
  }
  return pages
}

const openNodes = (pages: readonly Page[], options: NodeOptions) =>
  Promise.all(
    pages.map((page) => page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options)),
  )

/** Opens so many more tabs of a profile, each with a node. */
async function openTabs(profile: Profile, count: number, options: NodeOptions): Promise<readonly Page[]> {
  const pages = await loadTabs(profile, count)
  await openNodes(pages, options)
  return pages
}

/** Messages at a server, from some moment on, that are about peers it had not heard of before. */
function aboutNewcomers(traffic: readonly string[], since: number): number {
  const peersIn = (texts: readonly string[]) =>
    new Set(texts.flatMap((text) => /"type":"join".*"peer":"([0-9a-f]{16})"/.exec(text)?.[1] ?? []))
  const known = peersIn(traffic.slice(0, since))
  const newcomers = [...peersIn(traffic.slice(since))].filter((peer) => !known.has(peer))
  return traffic.slice(since).filter((text) => newcomers.some((peer) => text.includes(peer))).length
}

const joined = (page: Page, members: number) =>
  page.evaluate(
    ([count, timeoutMs]) => (window as unknown as PageGlobals).harness.node?.joined({ members: count, timeoutMs }),
    [members, joinTimeoutMs] as const,
  )
const linksOf = (page: Page) => page.evaluate(() => (window as unknown as PageGlobals).harness.node?.status().links)
const membersOf = (page: Page): Promise<readonly Member[]> =>
  page.evaluate(() => (window as unknown as PageGlobals).harness.node?.members() ?? [])
const statusAt = async (page: Page, id: string) => (await membersOf(page)).find((member) => member.id === id)?.status
const socketsAt = async (url: string): Promise<number> => {
  const health = await fetch(`${url.replace('ws:', 'http:')}/health`)
  return ((await health.json()) as { readonly sockets: number }).sockets
}

// Firefox takes seconds for each page, and the mesh is the same code.
test('twelve tabs of two browsers form a full mesh, which then needs its server for strangers only', {
  tag: '@chromium',
}, async ({ world, engine }) => {
  const server = await startSignaling({ onTraffic: (text) => world.traffic.push(text) })
  const options = { cluster: 'mesh', signaling: server.url }
  const [a, b, stranger] = [await world.profile(engine), await world.profile(engine), await world.profile(engine)]
  for (const profile of [a, b, stranger]) await profile.start()
  const said: number[] = []

  const tabs = await test.step('twelve tabs, all linked to all', async () => {
    const four = [...(await openTabs(a, 2, options)), ...(await openTabs(b, 2, options))]
    for (const page of four) await joined(page, 4)
    await expect.poll(() => socketsAt(server.url), { timeout: joinTimeoutMs }).toBeLessThanOrEqual(3)
    const before = world.traffic.length
    const [fifth] = await openTabs(b, 1, options)
    await joined(fifth as Page, 5)
    said.push(aboutNewcomers(world.traffic, before))
    const rest = [...(await loadTabs(a, 4)), ...(await loadTabs(b, 3))]
    const startedAt = performance.now()
    await openNodes(rest, options)
    const all = [...four, fifth as Page, ...rest]
    const tookMs = () => Math.round(performance.now() - startedAt)
    for (const page of all)
      await expect.poll(() => linksOf(page), { timeout: joinTimeoutMs, intervals: [250] }).toBe(11)
    const linkedMs = tookMs()
    for (const page of all) await joined(page, 12)
    console.log(`from five nodes to a full mesh of twelve in ${linkedMs} ms, and everybody in sync in ${tookMs()} ms`)
    return all
  })

  await test.step('a few of them stay with the server, and one more costs it as few messages as before', async () => {
    await expect.poll(() => socketsAt(server.url), { timeout: joinTimeoutMs }).toBeLessThanOrEqual(listenersMost)
    const before = world.traffic.length
    const [thirteenth] = await openTabs(b, 1, options)
    await joined(thirteenth as Page, 13)
    said.push(aboutNewcomers(world.traffic, before))
    console.log(`signaling messages for one join: ${said[0]} with four there, ${said[1]} with twelve`)
    for (const messages of said) expect(messages).toBeLessThanOrEqual(listenersMost * messagesEachMost)
    await (thirteenth as Page).evaluate(() => (window as unknown as PageGlobals).harness.node?.leave())
  })

  await test.step('with the server dead, a new tab of the same browser joins', async () => {
    await server.close()
    const [late] = await openTabs(a, 1, options)
    await joined(late as Page, 13)
  })

  await test.step('a tab of another browser joins as soon as the server is back', async () => {
    const port = Number(new URL(server.url).port)
    const [far] = await openTabs(stranger, 1, options)
    expect((await membersOf(far as Page)).length).toBe(1)
    const again = await startSignaling({ port })
    await joined(far as Page, 14)
    await again.close()
  })
  for (const page of tabs) await page.close()
})

// Only Chromium freezes tabs.
test('a tab that is frozen is away, not dead; and when it goes on it serves within moments, and nothing stale', {
  tag: '@chromium',
}, async ({ world }) => {
  const { asleep, ms, reads, quorums, stale } = await sleepFor(world, 3_000)
  console.log(
    `${Math.round(ms)} ms after it went on back and in sync; ${quorums} of ${reads} first reads with their quorum`,
  )
  expect(asleep).toBe('away')
  expect(stale).toBe(0)
})

test('a node that is closed says that it is away', {
  tag: '@chromium',
}, async ({ world, engine }) => {
  const ring = await world.ring([engine, engine, engine], { cluster: 'closing' })
  const [a, b] = ring as [Profile, Profile]
  const id = await b.run((node) => node.id, null)
  await b.run((node) => node.close(), null)
  await expect.poll(() => statusAt(a.page, id), { timeout: joinTimeoutMs }).toBe('away')
})

test('two tabs that may not connect to each other read and write each other’s keys through a third', {
  tag: '@chromium',
}, async ({ world, engine }) => {
  const [a, b, c] = [await world.profile(engine), await world.profile(engine), await world.profile(engine)]
  for (const profile of [a, b, c]) await profile.start()
  // One of them has one certificate for all its connections; the other refuses whoever has that one.
  const fingerprint = await a.page.evaluate(() => (window as unknown as PageGlobals).harness.withOneCertificate())
  expect(fingerprint).not.toBe('')
  await b.page.evaluate((refused) => (window as unknown as PageGlobals).harness.cutOff([refused]), fingerprint)
  for (const profile of [a, b, c])
    await profile.open({ cluster: 'apart', signaling: world.signaling.url, n: 1, r: 1, w: 1 })
  for (const profile of [a, b, c]) await profile.joined(3)
  const id = await b.run((node) => node.id, null)
  const exchanged = await a.run(async (node, other) => {
    const theirs = Array.from({ length: 300 }, (_, index) => `key ${index}`)
      .filter((key) => node.placement(key).owners[0] === other)
      .slice(0, 20)
    const puts = await Promise.all(theirs.map((key) => node.put(key, null, `value of ${key}`)))
    return {
      theirs,
      stored: puts.filter(({ quorum, hinted }) => quorum && hinted === 0).length,
      links: node.status().links,
    }
  }, id)
  expect(exchanged).toMatchObject({ stored: exchanged.theirs.length, links: 1 })
  expect(exchanged.theirs.length).toBeGreaterThan(5)
  const held = await b.run(async (node) => (await node.inspect()).keys.map(({ key }) => key), null)
  for (const key of exchanged.theirs) expect(held).toContain(key)
  const read = await a.run(
    async (node, names) => Promise.all(names.map(async (key) => (await node.get(key)).values[0])),
    exchanged.theirs,
  )
  expect(read).toEqual(exchanged.theirs.map((key) => `value of ${key}`))
})

test('two tabs of one browser without a route talk through a broadcast channel, and move over to WebRTC when that goes', async ({
  world,
  engine,
}) => {
  const wrapper = engine === 'chromium' ? await routelessChromium('ip link set lo up') : null
  if (wrapper === null) return
  const profile = await world.profile(engine, { executablePath: wrapper, permissions: [] })
  await profile.start((context) => bridge(context, world))
  // Counts open WebRTC channels of this page.
  const count = () => {
    const counted = window as unknown as { open: Set<RTCDataChannel> }
    counted.open = new Set()
    const real = RTCPeerConnection.prototype.createDataChannel
    RTCPeerConnection.prototype.createDataChannel = function (...given) {
      const channel = real.apply(this, given)
      channel.addEventListener('open', () => counted.open.add(channel))
      channel.addEventListener('close', () => counted.open.delete(channel))
      return channel
    }
    const on = (event: Event) => {
      const { channel } = event as RTCDataChannelEvent
      counted.open.add(channel)
      channel.addEventListener('close', () => counted.open.delete(channel))
    }
    class Counted extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        this.addEventListener('datachannel', on)
      }
    }
    window.RTCPeerConnection = Counted
  }
  await profile.page.evaluate(count)
  await profile.open({ cluster: 'offline' })
  const [second] = (await openTabs(profile, 1, { cluster: 'offline' })) as [Page]
  await joined(second, 2)
  await profile.joined(2)
  const opened = () => profile.page.evaluate(() => (window as unknown as { open: Set<unknown> }).open.size)
  expect(await opened()).toBe(0)
  const put = await profile.run((node) => node.put('over', null, { the: new Uint8Array(200_000) }), null)
  expect(put).toMatchObject({ acks: 2, quorum: true })
  await profile.context.grantPermissions(['camera', 'microphone'])
  await expect.poll(opened, { timeout: joinTimeoutMs }).toBe(1)
  const after = await second.evaluate(async () => {
    const { harness } = window as unknown as PageGlobals
    return (await harness.node?.put('after', null, 1))?.acks
  })
  expect(after).toBe(2)
})
