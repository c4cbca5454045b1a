/**
 * `npm run bench:sleep`: a tab that is frozen for a minute; and what 50 times of freezing, reloading and killing a tab leave behind
 * at the others, which should be nothing.
 */
import { BareChromium, type BareTab } from '../test/browser/bare-chromium.ts'
import { sleepFor } from '../test/browser/sleeper.ts'
import { expect, type Profile, test } from '../test/browser/world.ts'

const frozenMs = 60_000
const cycles = 50
const cluster = 'cycles'
const settleTimeoutMs = 60_000

/** Runs in a page before anything else: counts connections nobody has closed, and timers that wait. */
function countLeaks(): void {
  const [connections, timers] = [new Set<object>(), new Set<unknown>()]
  class Counted extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      connections.add(this)
    }
    override close(): void {
      connections.delete(this)
      super.close()
    }
  }
  window.RTCPeerConnection = Counted
  const { setTimeout: set, clearTimeout: clear } = window
  Object.assign(window, {
    setTimeout: (task: () => void, delayMs?: number) => {
      const timer = set(() => {
        timers.delete(timer)
        task()
      }, delayMs)
      timers.add(timer)
      return timer
    },
    clearTimeout: (timer: number) => {
      timers.delete(timer)
      clear(timer)
    },
    leaks: () => ({ connections: connections.size, timers: timers.size }),
  })
}

interface Leaks {
  readonly connections: number
  readonly timers: number
}

const leaksAt = ({ page }: Profile): Promise<Leaks> =>
  page.evaluate(() => (window as unknown as { leaks(): Leaks }).leaks())

test('a tab that is frozen for a minute', async ({ world }) => {
  const { asleep, ms, reads, quorums, stale } = await sleepFor(world, frozenMs)
  console.log(
    `frozen for ${frozenMs / 1000} s it is ${asleep}; in sync ${Math.round(ms)} ms after it went on (max 3000)`,
  )
  console.log(`${reads} first reads: ${quorums} with their quorum, ${stale} of them stale (max 0)`)
})

test('fifty times frozen, reloaded or killed', async ({ world }) => {
  const observers = [await world.profile('chromium'), await world.profile('chromium')]
  for (const observer of observers)
    await observer.start(async (context) => void (await context.addInitScript(countLeaks)))
  const options = { cluster, signaling: world.signaling.url }
  for (const observer of observers) await observer.open(options)
  const browser = await BareChromium.start()
  const openNode = async (tab: BareTab) => {
    await tab.evaluate(`harness.open(${JSON.stringify(options)})`)
    await tab.evaluate(`harness.node.joined({ members: 3, timeoutMs: ${settleTimeoutMs} })`)
  }
  const open = async () => {
    const tab = await browser.open(world.pageUrl)
    await openNode(tab)
    return tab
  }
  try {
    let tab = await open()
    const before = await Promise.all(observers.map(leaksAt))
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      if (cycle % 3 === 0) {
        const front = await browser.open('about:blank')
        await tab.freeze()
        await observers[0]?.run(async (node) => node.put('awake', null, 1), null)
        await tab.resume()
        await front.kill()
        await tab.evaluate(`harness.node.joined({ members: 3, timeoutMs: ${settleTimeoutMs} })`)
      } else if (cycle % 3 === 1) {
        await tab.reload()
        await openNode(tab)
      } else {
        await tab.kill()
        tab = await open()
      }
    }
    for (const [index, observer] of observers.entries()) {
      const { connections, timers } = before[index] as Leaks
      await expect
        .poll(async () => (await leaksAt(observer)).connections, { timeout: settleTimeoutMs })
        .toBeLessThanOrEqual(connections)
      await expect
        .poll(async () => (await leaksAt(observer)).timers, { timeout: settleTimeoutMs })
        .toBeLessThanOrEqual(timers + 2)
      const after = await leaksAt(observer)
      console.log(
        `after ${cycles} cycles another tab has ${after.connections} connections (${connections} before) and ${after.timers} timers (${timers} before)`,
      )
    }
  } finally {
    await browser.stop()
  }
})
