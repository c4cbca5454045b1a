/**
 * `npm run bench:live`: how long a view and a presence take to show, in tabs of one browser, what another tab writes.
 *
 * All tabs run on one machine, so their clocks are one. Each view is measured beside the put that it shows.
 */
import { expect, type PageGlobals, test } from '../test/browser/world.ts'
import { quantile } from './quantile.ts'

const tabs = 20
const movers = 4
const statesPerSecond = 30
const movedForMs = 10_000
const puts = 200

test('presence of twenty tabs, four of them in motion', async ({ world }) => {
  const profile = await world.profile('chromium')
  await profile.start()
  const pages = [profile.page]
  while (pages.length < tabs) {
    const page = await profile.context.newPage()
    await profile.load(page)
    pages.push(page)
  }
  const options = { cluster: 'presence', signaling: world.signaling.url, network: 'local' } as const
  for (const page of pages)
    await page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options)
  for (const page of pages)
    await page.evaluate(async (count) => {
      const { harness } = window as unknown as PageGlobals
      await harness.node?.joined({ members: count, timeoutMs: 120_000 })
      const lags: number[] = []
      const known = new Map<string, number>()
      Object.assign(window, { lags })
      harness.here().others.subscribe((others) => {
        for (const [id, { at, sent }] of others) {
          if (at > 0 && known.get(id) !== at) lags.push(Date.now() - sent)
          known.set(id, at)
        }
      })
    }, tabs)
  await expect
    .poll(() => pages[0]?.evaluate(() => (window as unknown as PageGlobals).harness.here().others.current.size), {
      timeout: 120_000,
    })
    .toBe(tabs - 1)
  await Promise.all(
    pages.slice(0, movers).map((page) =>
      page.evaluate(
        async ([everyMs, forMs]) => {
          const { harness } = window as unknown as PageGlobals
          const endsAt = Date.now() + forMs
          for (let at = 1; Date.now() < endsAt; at += 1) {
            harness.here().set({ at, sent: Date.now() })
            await new Promise((resolve) => setTimeout(resolve, everyMs))
          }
          harness.here().set({ at: 1_000_000, sent: Date.now() })
        },
        [1_000 / statesPerSecond, movedForMs] as const,
      ),
    ),
  )
  const lastSeen = () =>
    Promise.all(
      pages.map((page) =>
        page.evaluate(() => {
          const { harness } = window as unknown as PageGlobals
          return [...harness.here().others.current.values()].filter(({ at }) => at === 1_000_000).length
        }),
      ),
    )
  await expect
    .poll(lastSeen, { timeout: 60_000 })
    .toEqual(pages.map((_, index) => (index < movers ? movers - 1 : movers)))
  const lags = (
    await Promise.all(pages.map((page) => page.evaluate(() => (window as unknown as { lags: number[] }).lags)))
  ).flat()
  console.log(
    `${tabs} tabs, ${movers} at ${statesPerSecond} states a second for ${movedForMs / 1000} s: every last state was seen`,
  )
  console.log(`${lags.length} states seen, p50 ${quantile(lags, 0.5)} ms, p95 ${quantile(lags, 0.95)} ms (max 300)`)
})

test('a view in another tab, beside the put that it shows', async ({ world }) => {
  const ring = await world.ring(Array(4).fill('chromium'), { cluster: 'views', network: 'local' })
  const [writer, reader, owner] = ring
  if (writer === undefined || reader === undefined || owner === undefined) throw new Error('there are four tabs')
  await reader.page.evaluate(() => {
    const seen: Record<string, number> = {}
    Object.assign(window, { seen })
    ;(window as unknown as PageGlobals).harness
      .list('home')
      .watch()
      .subscribe(({ entries }) => {
        for (const { key } of entries) seen[key] ??= performance.timeOrigin + performance.now()
      })
  })
  const measure = async (name: string, count: number) => {
    const written = await writer.page.evaluate(
      async ([prefix, many]) => {
        const list = (window as unknown as PageGlobals).harness.list('home')
        const times: { readonly key: string; readonly begun: number; readonly tookMs: number }[] = []
        for (let index = 0; index < many; index += 1) {
          const [key, begun] = [`${prefix}${index}`, performance.timeOrigin + performance.now()]
          await list.set(key, { title: key, votes: 0 })
          times.push({ key, begun, tookMs: performance.timeOrigin + performance.now() - begun })
        }
        return times
      },
      [name, count] as const,
    )
    const seen = () => reader.page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen)
    await expect
      .poll(async () => Object.keys(await seen()).filter((key) => key.startsWith(name)).length, { timeout: 60_000 })
      .toBe(count)
    const shown = await seen()
    const put = quantile(
      written.map(({ tookMs }) => tookMs),
      0.5,
    )
    const view = quantile(
      written.map(({ key, begun }) => (shown[key] ?? Number.NaN) - begun),
      0.5,
    )
    console.log(
      `${name}: put p50 ${put.toFixed(1)} ms, shown in another tab after p50 ${view.toFixed(1)} ms: ${(view / put).toFixed(2)} times (max 2)`,
    )
  }
  await measure('all there ', puts)
  await owner.kill()
  await measure('one killed ', puts)
})
