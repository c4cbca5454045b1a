/**
 * A Chromium without any network: it runs in a network namespace of its own with nothing in it, and the test hands it
 * the page and the signaling socket.
 */
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContext } from '@playwright/test'
import WebSocket from 'ws'
import { findBrowsers } from './browsers.mjs'
import type { World } from './world.ts'

/**
 * The program that starts it, or null: a namespace needs Linux and its superuser. `setup` runs in the namespace first.
 */
export async function routelessChromium(setup = 'true'): Promise<string | null> {
  const browser = findBrowsers().chromium?.executablePath
  if (browser === undefined || spawnSync('unshare', ['--net', 'true']).status !== 0) return null
  const wrapper = join(await mkdtemp(join(tmpdir(), 'tabring-wrapper-')), 'browser')
  await writeFile(wrapper, `#!/bin/sh\nexec unshare --net -- sh -c '${setup}; exec "$0" "$@"' '${browser}' "$@"\n`)
  await chmod(wrapper, 0o755)
  return wrapper
}

/** Serves the test page and the signaling socket through the test itself: the browser has no network at all. */
export async function bridge(context: BrowserContext, world: World): Promise<void> {
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
