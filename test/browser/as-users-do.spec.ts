/**
 * Browsers as users have them: no flags, no permissions. Where there is a network route two tabs meet; where there is none,
 * browsers gather no address, and the tab says so instead of waiting.
 */
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContext } from '@playwright/test'
import WebSocket from 'ws'
import { findBrowsers } from './browsers.mjs'
import { expect, type PageGlobals, type Profile, test, type World } from './world.ts'

const hasNetwork = Object.values(networkInterfaces())
  .flat()
  .some((address) => address !== undefined && !address.internal)

const joinOutcome = (profile: Profile, timeoutMs: number) =>
  profile.page.evaluate((wait) => {
    const { harness } = window as unknown as PageGlobals
    return harness.outcome(() => harness.node?.joined({ timeoutMs: wait }) ?? Promise.resolve())
  }, timeoutMs)

test('two browsers without any flag meet, or say at once that they have no route', async ({ world }) => {
  const pair = [await world.profile('chromium'), await world.profile('chromium')]
  for (const profile of pair) {
    await profile.start()
    await profile.open({ cluster: 'plain', signaling: world.signaling.url })
  }
  const outcomes = await Promise.all(pair.map((profile) => joinOutcome(profile, 60_000)))
  for (const outcome of outcomes) {
    if (hasNetwork) expect(outcome).toHaveProperty('ok')
    else expect(outcome).toMatchObject({ code: 'unsupported', message: expect.stringContaining('no candidates') })
  }
})

/** Serves the test page and the signaling socket through the test itself: the browser has no network at all. */
async function bridge(context: BrowserContext, world: World): Promise<void> {
  const root = fileURLToPath(new URL('../../node_modules/.cache/harness', import.meta.url))
  const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }
  await context.route(/^http:/, async (route) => {
    const { pathname } = new URL(route.request().url())
    const file = pathname === '/' ? 'index.html' : pathname
    await route.fulfill({ body: await readFile(join(root, file)), contentType: types[extname(file)] ?? 'text/plain' })
  })
  await context.routeWebSocket(/.*/, (socket) => {
    const server = new WebSocket(world.signaling.url)
    const early: string[] = []
    server.on('open', () => {
      for (const text of early.splice(0)) server.send(text)
    })
    server.on('message', (data) => socket.send(String(data)))
    socket.onMessage((text) => (server.readyState === WebSocket.OPEN ? server.send(text) : early.push(String(text))))
    socket.onClose(() => server.close())
  })
}

test('two tabs without a network route learn within seconds that they cannot connect, and why', async ({ world }) => {
  // A network of its own with nothing in it needs Linux and its superuser; elsewhere the first test is all there is.
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) return
  const browser = findBrowsers().chromium?.executablePath
  if (browser === undefined) return
  const wrapper = join(await mkdtemp(join(tmpdir(), 'tabring-wrapper-')), 'browser')
  await writeFile(wrapper, `#!/bin/sh\nexec unshare --net -- '${browser}' "$@"\n`)
  await chmod(wrapper, 0o755)
  const pair = [
    await world.profile('chromium', { executablePath: wrapper }),
    await world.profile('chromium', { executablePath: wrapper }),
  ]
  for (const profile of pair) {
    await profile.start((context) => bridge(context, world))
    await profile.open({ cluster: 'routeless', signaling: world.signaling.url })
  }
  const [first] = pair as [Profile]
  const outcomes = await Promise.all(pair.map((profile) => joinOutcome(profile, 60_000)))
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ code: 'unsupported', message: expect.stringContaining('no candidates') })
  // A tab without a route is still a node: it keeps what it is given.
  expect(await first.run((node) => node.put('offline', null, 1), null)).toMatchObject({ acks: 1, quorum: false })
})
