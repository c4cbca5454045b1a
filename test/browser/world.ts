/**
 * The world of the browser tests: the real signaling server, a static server for the test page, and browser profiles
 * that live in processes of their own, so that they can be killed and come back with their data.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BrowserContext,
  type BrowserType,
  test as base,
  chromium,
  expect,
  firefox,
  type Page,
} from '@playwright/test'
import { build, preview } from 'vite'
import { type SignalingServer, startSignaling } from '../../signaling/server.ts'
import type { NodeOptions, TabringNode } from '../../src/index.ts'
import { chromiumArgs, chromiumPermissions, findBrowsers, firefoxPrefs } from './browsers.mjs'
import type { Harness } from './harness/harness.ts'

export type Engine = 'chromium' | 'firefox'
/**
 * `tests` runs anywhere, also without a network; `users` is what a user's browser does, no flags and no permissions.
 */
export type Flags = 'tests' | 'users'

const engines: Readonly<Record<Engine, BrowserType>> = { chromium, firefox }
/** Deadlines of tests are ten times what the thing takes. */
const joinTimeoutMs = 60_000

function launchOptions(engine: Engine, flags: Flags): object {
  const found = findBrowsers()[engine]
  if (found === undefined) throw new Error(`there is no ${engine}: npm run browsers`)
  if (flags === 'users') return found
  return engine === 'chromium'
    ? { ...found, args: chromiumArgs, permissions: chromiumPermissions }
    : { ...found, firefoxUserPrefs: firefoxPrefs }
}

/** What the page may use inside `evaluate`. */
export interface PageGlobals {
  readonly harness: Harness
}

/** Runs `work` on the node of a page. */
export function runIn<A, R>(
  page: Page,
  work: (node: TabringNode, argument: A) => Promise<R> | R,
  argument: A,
): Promise<R> {
  const source = `(${work.toString()})`
  return page.evaluate(
    ([text, value]) => {
      const node = (window as unknown as PageGlobals).harness.node
      return globalThis.eval(text as string)(node, value)
    },
    [source, argument] as const,
  ) as Promise<R>
}

/** One browser profile with one tab, which holds one node. */
export class Profile {
  readonly engine: Engine
  /** Invariants of tabring that broke in its pages. */
  readonly broken: string[] = []
  readonly #directory: string
  readonly #pageUrl: string
  readonly #flags: Flags
  readonly #extra: object
  #context: BrowserContext | undefined
  #page: Page | undefined

  constructor(engine: Engine, directory: string, pageUrl: string, flags: Flags, extra: object = {}) {
    this.engine = engine
    this.#directory = directory
    this.#pageUrl = pageUrl
    this.#flags = flags
    this.#extra = extra
  }

  get page(): Page {
    if (this.#page === undefined) throw new Error('the profile is not running')
    return this.#page
  }

  get context(): BrowserContext {
    if (this.#context === undefined) throw new Error('the profile is not running')
    return this.#context
  }

  /** Starts the browser on this profile's data and loads the test page. `prepare` may set routes up before. */
  async start(prepare: (context: BrowserContext) => Promise<void> = async () => {}): Promise<void> {
    const options = { ...launchOptions(this.engine, this.#flags), ...this.#extra }
    this.#context = await engines[this.engine].launchPersistentContext(this.#directory, options)
    this.#context.on('weberror', (event) => {
      const text = String(event.error())
      if (text.includes('invariant broken')) this.broken.push(text)
    })
    await prepare(this.#context)
    this.#page = this.#context.pages()[0] ?? (await this.#context.newPage())
    await this.load(this.#page)
  }

  async load(page: Page): Promise<void> {
    await page.goto(this.#pageUrl)
    await page.waitForFunction(() => 'harness' in window)
  }

  /** Opens the tab's node. Returns its id. */
  open(options: NodeOptions): Promise<string> {
    return this.page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options)
  }

  /** Runs `work` on the tab's node. */
  run<A, R>(work: (node: TabringNode, argument: A) => Promise<R> | R, argument: A): Promise<R> {
    return runIn(this.page, work, argument)
  }

  joined(members: number): Promise<void> {
    return this.run((node, [count, timeoutMs]) => node.joined({ members: count, timeoutMs }), [
      members,
      joinTimeoutMs,
    ] as const)
  }

  /** SIGKILL to every process of this profile: no event runs in the page. */
  async kill(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.context.once('close', () => resolve()))
    execFileSync('pkill', ['-9', '-f', this.#directory])
    await gone
    this.#context = undefined
    this.#page = undefined
  }

  /**
   * Deletes the files in which the browser, which is stopped, keeps large values beside its database. How many there
   * were.
   */
  async loseFiles(): Promise<number> {
    const all = await readdir(this.#directory, { recursive: true, withFileTypes: true })
    const holdsValues = /indexeddb\.blob|\.files(\/|$)/
    const files = all.filter((entry) => entry.isFile() && holdsValues.test(entry.parentPath))
    for (const { parentPath, name } of files) await rm(join(parentPath, name))
    return files.length
  }

  get isRunning(): boolean {
    return this.#context !== undefined
  }

  /** Crashes the tab's renderer (Chromium only) and opens another tab in its place. */
  async crash(): Promise<void> {
    const page = this.page
    const session = await this.context.newCDPSession(page)
    const crashed = page.waitForEvent('crash')
    session.send('Page.crash').catch(() => {})
    await crashed
    this.#page = await this.context.newPage()
    await this.load(this.#page)
  }

  async stop(): Promise<void> {
    await this.#context?.close()
    this.#context = undefined
  }
}

export interface World {
  readonly signaling: SignalingServer
  /** Every text that passed through the signaling server. */
  readonly traffic: string[]
  readonly pageUrl: string
  /** A new profile, not started. `extra` goes into its launch options. */
  profile(engine: Engine, extra?: object): Promise<Profile>
  /** Starts that many profiles and opens a node of `cluster` in each; resolves when all have joined. */
  ring(engines: readonly Engine[], options: Omit<NodeOptions, 'signaling'>): Promise<readonly Profile[]>
}

interface Options {
  readonly engine: Engine
  readonly flags: Flags
}

export const test = base.extend<{ world: World }, Options & { pageUrl: string }>({
  engine: ['chromium', { option: true, scope: 'worker' }],
  flags: ['tests', { option: true, scope: 'worker' }],
  pageUrl: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures it needs here
    async ({}, use) => {
      const root = fileURLToPath(new URL('harness', import.meta.url))
      const outDir = fileURLToPath(new URL('../../node_modules/.cache/harness', import.meta.url))
      const shared = {
        root,
        configFile: false as const,
        logLevel: 'warn' as const,
        build: { outDir, emptyOutDir: true },
      }
      await build(shared)
      const server = await preview({ ...shared, preview: { port: 0, host: '127.0.0.1' } })
      const address = server.httpServer.address()
      if (address === null || typeof address === 'string') throw new Error('the page server has no port')
      await use(`http://127.0.0.1:${address.port}/`)
      await server.close()
    },
    { scope: 'worker' },
  ],
  world: async ({ pageUrl, flags }, use) => {
    const traffic: string[] = []
    const signaling = await startSignaling({ onTraffic: (text) => traffic.push(text) })
    const directories: string[] = []
    const profiles: Profile[] = []
    const profile = async (engine: Engine, extra: object = {}) => {
      const directory = await mkdtemp(join(tmpdir(), 'tabring-profile-'))
      directories.push(directory)
      const made = new Profile(engine, directory, pageUrl, flags, extra)
      profiles.push(made)
      return made
    }
    await use({
      signaling,
      traffic,
      pageUrl,
      profile,
      ring: async (engineNames, options) => {
        const ring = await Promise.all(engineNames.map((engine) => profile(engine)))
        for (const member of ring) await member.start()
        await Promise.all(ring.map((member) => member.open({ ...options, signaling: signaling.url })))
        await Promise.all(ring.map((member) => member.joined(ring.length)))
        return ring
      },
    })
    await Promise.all(profiles.map((made) => made.stop()))
    expect(profiles.flatMap(({ broken }) => broken)).toEqual([])
    await signaling.close()
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
  },
})

export { expect } from '@playwright/test'
