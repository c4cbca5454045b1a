/**
 * `npm run bench:move`: six tabs on four devices, twenty puts a second; a tab joins and another one leaves. No put fails, afterwards
 * every key is on exactly its owners, and the slowest puts meanwhile stand beside those of the quiet minute before.
 */
import { expect, type Page } from '@playwright/test'
import type { NodeOptions, TabringNode } from '../src/index.ts'
import { type PageGlobals, runIn, test } from '../test/browser/world.ts'
import { quantile } from './quantile.ts'

const devices = ['a', 'a', 'b', 'b', 'c', 'd']
const keys = 2_000
const quietMs = 60_000

/** What puts came to in a page: how long each took, ms, and those that failed or missed their quorum. */
interface Puts {
  readonly took: readonly number[]
  readonly failed: readonly string[]
}

/** In a page: twenty puts a second until `stopped` is set. */
async function putting(node: TabringNode, name: string): Promise<Puts> {
  Object.assign(window, { stopped: false })
  const took: number[] = []
  const failed: string[] = []
  for (let at = 0; !(window as unknown as { stopped: boolean }).stopped; at += 1) {
    const next = new Promise((go) => setTimeout(go, 50))
    const startedAt = performance.now()
    try {
      const { quorum } = await node.put(`${name} ${at}`, null, new Uint8Array(64))
      if (!quorum) failed.push(`${name} ${at}: no quorum`)
    } catch (error) {
      failed.push(`${name} ${at}: ${error}`)
    }
    took.push(performance.now() - startedAt)
    await next
  }
  return { took, failed }
}

const stop = (page: Page) => page.evaluate(() => Object.assign(window, { stopped: true }))

test('a tab joins and another leaves while six tabs on four devices are written to', async ({ world }) => {
  const profile = await world.profile('chromium')
  await profile.start()
  const load = async (): Promise<Page> => {
    const page = await profile.context.newPage()
    await profile.load(page)
    return page
  }
  const open = async (page: Page, device: string): Promise<void> => {
    const options: NodeOptions = { cluster: 'move', device, signaling: world.signaling.url }
    await page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options)
  }
  const settled = (page: Page, members: number) =>
    runIn(page, (node, count) => node.joined({ members: count, timeoutMs: 60_000 }), members)
  const pages: Page[] = []
  for (const device of devices) {
    const page = await load()
    await open(page, device)
    pages.push(page)
  }
  await Promise.all(pages.map((page) => settled(page, devices.length)))
  const [writer, leaver] = [pages[0], pages[5]]
  if (writer === undefined || leaver === undefined) throw new Error('there are six tabs')
  await runIn(
    writer,
    async (node, count) => {
      for (let first = 0; first < count; first += 100)
        await Promise.all(
          Array.from({ length: 100 }, (_, index) => node.put(`key ${first + index}`, null, new Uint8Array(64))),
        )
    },
    keys,
  )
  // Its page is there before: what a browser takes to start one is not ours to measure.
  const newcomer = await load()
  const quietly = runIn(writer, putting, 'quiet')
  await writer.waitForTimeout(quietMs)
  await stop(writer)
  const quiet = await quietly
  const moving = runIn(writer, putting, 'moving')
  const startedAt = performance.now()
  await open(newcomer, 'e')
  await settled(newcomer, devices.length + 1)
  await runIn(leaver, (node) => node.leave(), null)
  const left = [...pages.filter((page) => page !== leaver), newcomer]
  await Promise.all(left.map((page) => settled(page, devices.length)))
  const ms = performance.now() - startedAt
  await stop(writer)
  const moved = await moving
  expect([...quiet.failed, ...moved.failed]).toEqual([])
  await expectOwners(left)
  const [before, meanwhile] = [quantile(quiet.took, 0.99), quantile(moved.took, 0.99)]
  console.log(
    `p99 of ${quiet.took.length} puts ${before.toFixed(1)} ms (median ${quantile(quiet.took, 0.5).toFixed(1)}); of ${moved.took.length} while a tab joins and one leaves, ${Math.round(ms)} ms, ${meanwhile.toFixed(1)} ms (median ${quantile(moved.took, 0.5).toFixed(1)}): ${(meanwhile / before).toFixed(2)} times (max 3)`,
  )
})

/** Every key is held by its owners, and by nobody else. */
async function expectOwners(pages: readonly Page[]): Promise<void> {
  const wrong = async () => {
    const held = new Map<string, string[]>()
    let due: Record<string, readonly string[]> = {}
    for (const page of pages) {
      const found = await runIn(
        page,
        async (node) => {
          const { keys: all } = await node.inspect()
          const owners = Object.fromEntries(all.map(({ key }) => [key, node.placement(key).owners]))
          return { id: node.id, keys: all.map(({ key, role }) => ({ key, role })), owners }
        },
        null,
      )
      due = { ...due, ...found.owners }
      for (const { key, role } of found.keys) {
        const holder = role === 'owner' ? found.id : `${found.id} as ${role}`
        held.set(key, [...(held.get(key) ?? []), holder])
      }
    }
    const isWrong = ([key, owners]: [string, readonly string[]]) =>
      [...owners].sort().join() !== (held.get(key) ?? []).sort().join()
    return Object.entries(due).filter(isWrong).length
  }
  await expect.poll(wrong, { timeout: 60_000 }).toBe(0)
}
