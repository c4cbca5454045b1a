/**
 * `npm run bench:rejoin`: how long a tab takes to be in step again, in real Chromium, beside the floor of the same run: the same
 * bytes over a raw data channel and into IndexedDB in one transaction.
 */
import type { TabringNode } from '../src/index.ts'
import { type Profile, test, type World } from '../test/browser/world.ts'
import { quantile } from './quantile.ts'

const valueBytes = 64

interface Figure {
  readonly what: string
  readonly ms: number
  readonly floorMs: number
  readonly maxMs: number
}

const figures: Figure[] = []

/** In a page: what it costs to move so many rows over a data channel and to store them, with nothing else. */
async function floorOf(rows: number): Promise<number> {
  const bytesEach = 160
  const [left, right] = [new RTCPeerConnection(), new RTCPeerConnection()]
  left.onicecandidate = ({ candidate }) => candidate && void right.addIceCandidate(candidate)
  right.onicecandidate = ({ candidate }) => candidate && void left.addIceCandidate(candidate)
  const channel = left.createDataChannel('floor')
  const received = new Promise<void>((resolve) => {
    let left = rows * bytesEach
    right.ondatachannel = ({ channel: other }) => {
      other.onmessage = ({ data }) => {
        left -= (data as ArrayBuffer).byteLength
        if (left <= 0) resolve()
      }
    }
  })
  const opened = new Promise((resolve) => {
    channel.onopen = resolve
  })
  await left.setLocalDescription(await left.createOffer())
  await right.setRemoteDescription(left.localDescription as RTCSessionDescription)
  await right.setLocalDescription(await right.createAnswer())
  await left.setRemoteDescription(right.localDescription as RTCSessionDescription)
  await opened
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open('floor')
    request.onupgradeneeded = () => request.result.createObjectStore('rows')
    request.onsuccess = () => resolve(request.result)
  })
  const startedAt = performance.now()
  const chunk = new Uint8Array(16_000)
  for (let sent = 0; sent < rows * bytesEach; sent += chunk.length) channel.send(chunk)
  await received
  const transaction = database.transaction('rows', 'readwrite', { durability: 'relaxed' })
  const store = transaction.objectStore('rows')
  for (let row = 0; row < rows; row += 1) store.put(new Uint8Array(bytesEach), row)
  await new Promise((resolve) => {
    transaction.oncomplete = resolve
  })
  const ms = performance.now() - startedAt
  database.close()
  indexedDB.deleteDatabase('floor')
  left.close()
  right.close()
  return ms
}

/** Two tabs; one goes away, the other is written to, the first comes back. */
async function rejoin(world: World, before: number, missed: number, maxMs: number): Promise<void> {
  const [writer, reader] = await world.ring(['chromium', 'chromium'], { cluster: `rejoin ${missed}`, n: 2 })
  if (writer === undefined || reader === undefined) throw new Error('a ring of two has two members')
  const put = (from: number, count: number) =>
    writer.run(
      async (node, [start, keys, bytes]) => {
        for (let at = start; at < start + keys; at += 500) {
          const some = Array.from({ length: Math.min(500, start + keys - at) }, (_, index) =>
            node.put(`key ${at + index}`, null, crypto.getRandomValues(new Uint8Array(bytes)), { w: 1 }),
          )
          await Promise.all(some)
        }
      },
      [from, count, valueBytes] as const,
    )
  await put(0, before)
  while ((await reader.run((node) => node.status().records, null)) < before) await reader.page.waitForTimeout(100)
  await reader.run((node) => node.close(), null)
  await put(before, missed)
  const floorMs = await reader.page.evaluate(floorOf, missed)
  await reader.load(reader.page)
  await reader.open({ cluster: `rejoin ${missed}`, n: 2, signaling: world.signaling.url })
  const ms = await reader.run(async (node, records) => {
    while (!node.members().some(({ self, reachable }) => !self && reachable))
      await new Promise((go) => setTimeout(go, 1))
    const openedAt = performance.now()
    // To look costs the tab time, too.
    while (node.status().records < records) await new Promise((go) => setTimeout(go, 20))
    return performance.now() - openedAt
  }, before + missed)
  figures.push({ what: `a tab that missed ${missed} of ${before + missed} puts is in step`, ms, floorMs, maxMs })
}

// Each in browsers of its own: a store puts rows in their places for a while after.
test('a tab that comes back has missed much', ({ world }) => rejoin(world, 1000, 10_000, 1500))
test('a tab that comes back has missed little', ({ world }) => rejoin(world, 10_900, 100, 250))

/** In a page: twenty gets and puts a second, so many at most, until `isInStep` is set; how long each took, ms. */
async function requests(node: TabringNode, [first, most]: readonly [number, number]): Promise<readonly number[]> {
  const took: number[] = []
  for (let at = first; took.length < most && !('isInStep' in window); at += 1) {
    const next = new Promise((go) => setTimeout(go, 50))
    const startedAt = performance.now()
    if (at % 2 === 0) await node.put(`request ${at}`, null, new Uint8Array(64))
    else await node.get(`request ${at - 1}`)
    took.push(performance.now() - startedAt)
    await next
  }
  return took
}

/** In a page: resolves when every row is in its place, so that what is left of what was stored before is not measured. */
async function settled(): Promise<void> {
  const stores = await indexedDB.databases()
  for (const { name } of stores.filter((store) => store.name?.startsWith('tabring'))) {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(name as string)
      request.onsuccess = () => resolve(request.result)
    })
    const entries = () =>
      new Promise<number>((resolve) => {
        const request = database.transaction('log').objectStore('log').count()
        request.onsuccess = () => resolve(request.result)
      })
    while (database.objectStoreNames.contains('log') && (await entries()) > 0)
      await new Promise((go) => setTimeout(go, 500))
    database.close()
  }
}

// The same data, the same requests: of two tabs while the third is away, while it is brought in step, and of all three after that.
test('gets and puts while a tab is brought in step', async ({ world }) => {
  const options = { cluster: 'requests' }
  const ring = await world.ring(['chromium', 'chromium', 'chromium'], options)
  const [writer, other, reader] = ring
  if (writer === undefined || other === undefined || reader === undefined)
    throw new Error('a ring of three has three members')
  await reader.run((node) => node.close(), null)
  await writer.run(async (node) => {
    for (let at = 0; at < 20_000; at += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, index) => node.put(`key ${at + index}`, null, new Uint8Array(64))),
      )
  }, null)
  for (const { page } of [writer, other]) await page.evaluate(settled)
  const away = await writer.run(requests, [0, 600] as const)
  await reader.load(reader.page)
  await reader.open({ ...options, signaling: world.signaling.url })
  const busy = writer.run(requests, [1_000, 10_000] as const)
  const startedAt = performance.now()
  // What is moved gives way to twenty requests a second.
  await reader.run((node) => node.joined({ members: 3, timeoutMs: 400_000 }), null)
  const ms = performance.now() - startedAt
  await writer.page.evaluate(() => Object.assign(window, { isInStep: true }))
  const meanwhile = await busy
  await writer.page.evaluate(() => Reflect.deleteProperty(window, 'isInStep'))
  for (const { page } of ring) await page.evaluate(settled)
  const after = await writer.run(requests, [20_000, 600] as const)
  const p99 = (took: readonly number[]) => quantile(took, 0.99)
  const told = (took: readonly number[]) =>
    `${p99(took).toFixed(1)} ms (median ${quantile(took, 0.5).toFixed(1)}, ${took.length} requests)`
  console.log(`p99 while a tab is away ${told(away)}, while 20000 records move to it in ${Math.round(ms)} ms`)
  console.log(
    `${told(meanwhile)}, and after ${told(after)}: ${(p99(meanwhile) / p99(after)).toFixed(2)} times (max 1.5)`,
  )
})

/** What a page did without a pause: how long that took, and how much of it a processor was at work on it, both ms. */
interface Task {
  readonly ms: number
  readonly cpuMs: number
}

/** All tasks of a profile's page while `work` goes on. A page that waits for a processor, or for its host, has long ones without work. */
async function tasksDuring(profile: Profile, work: () => Promise<void>): Promise<readonly Task[]> {
  const browser = profile.context.browser()
  if (browser === null) throw new Error('the profile has no browser')
  await browser.startTracing(profile.page, { categories: ['toplevel'] })
  await work()
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const isPage = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain'
  const pages = new Set(traceEvents.filter(isPage).map(threadOf))
  const tasks = traceEvents.filter((event) => event.name === 'ThreadControllerImpl::RunTask' && event.ph === 'X')
  return tasks
    .filter((event) => pages.has(threadOf(event)))
    .map(({ dur, tdur }) => ({ ms: dur / 1000, cpuMs: (tdur ?? dur) / 1000 }))
}

/** As Chromium traces what happens: times in microseconds, `tdur` of the thread's processor time, if it is known. */
interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

// One page at a time: to trace both makes all of it slower.
async function fill(world: World, who: 'receives' | 'gives'): Promise<void> {
  const keys = 100_000
  const [holder] = await world.ring(['chromium'], { cluster: 'fill', n: 2, w: 1 })
  if (holder === undefined) throw new Error('a ring of one has one member')
  await holder.run(
    async (node, [count, bytes]) => {
      for (let at = 0; at < count; at += 500) {
        const value = () => crypto.getRandomValues(new Uint8Array(bytes))
        await Promise.all(Array.from({ length: 500 }, (_, index) => node.put(`key ${at + index}`, null, value())))
      }
    },
    [keys, valueBytes] as const,
  )
  const fresh = await world.profile('chromium')
  await fresh.start()
  const floorMs = await fresh.page.evaluate(floorOf, keys)
  let ms = 0
  const tasks = await tasksDuring(who === 'gives' ? holder : fresh, async () => {
    await fresh.open({ cluster: 'fill', n: 2, w: 1, signaling: world.signaling.url })
    ms = await fresh.run(async (node, records) => {
      const openedAt = performance.now()
      while (node.status().records < records) await new Promise((go) => setTimeout(go, 10))
      return performance.now() - openedAt
    }, keys)
  })
  figures.push({ what: `a new node has ${keys} keys`, ms, floorMs, maxMs: Number.POSITIVE_INFINITY })
  const told = ({ ms, cpuMs }: Task) => `${Math.round(ms)} ms with ${Math.round(cpuMs)} ms of a processor`
  const most = Math.max(...tasks.map(({ cpuMs }) => cpuMs))
  const long = tasks.filter((task) => task.ms > 50).map(told)
  console.log(
    `of ${tasks.length} tasks of the page that ${who} none worked longer than ${Math.round(most)} ms (max 50)`,
  )
  console.log(`over 50 ms, with the waiting for a processor: ${long.join(', ') || 'none'}`)
}

test('a new node receives a hundred thousand keys', ({ world }) => fill(world, 'receives'))
test('a node gives a new one a hundred thousand keys', ({ world }) => fill(world, 'gives'))

test.afterAll(() => {
  for (const { what, ms, floorMs, maxMs } of figures) {
    const times = (ms / floorMs).toFixed(1)
    console.log(`${what}: ${Math.round(ms)} ms (max ${maxMs}), ${times} times the floor of ${Math.round(floorMs)} ms`)
  }
})
