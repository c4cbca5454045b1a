/**
 * A Chromium driven over the bare DevTools protocol: Playwright makes every page believe that it is in front, and a tab
 * that is in front cannot be frozen. Here a tab in the background is hidden, throttled and frozen like a user's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { chromiumArgs, chromiumPermissions, findBrowsers } from './browsers.mjs'

const startTimeoutMs = 30_000

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** Where it listens: it says so itself when it has started. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said += String(chunk)
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (address !== undefined) resolve(address)
    })
    child.once('exit', () => reject(new Error(`Chromium did not start: ${said}`)))
    AbortSignal.timeout(startTimeoutMs).addEventListener('abort', () =>
      reject(new Error('Chromium did not start in time')),
    )
  })
}

/** One DevTools socket, with sessions for pages. */
class DevTools {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>()
  #last = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(String(data)) as Answer
      const waiting = id === undefined ? undefined : this.#waiting.get(id)
      if (id === undefined || waiting === undefined) return
      this.#waiting.delete(id)
      if (error === undefined) waiting.resolve(result ?? {})
      else waiting.reject(new Error(error.message))
    })
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    this.#last += 1
    const id = this.#last
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  close(): void {
    this.#socket.close()
  }
}

/** Resolves when the page's module has run. */
const untilLoaded = `new Promise((done) => { const look = () => globalThis.harness ? done() : setTimeout(look, 20); look() })`

/** A tab of it. */
export class BareTab {
  readonly #tools: DevTools
  readonly #session: string
  readonly #target: string

  constructor(tools: DevTools, session: string, target: string) {
    this.#tools = tools
    this.#session = session
    this.#target = target
  }

  /** The value of an expression, awaited, in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const params = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await this.#tools.send('Runtime.evaluate', params, this.#session)
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { readonly value: T }).value
  }

  async navigate(url: string): Promise<void> {
    await this.#tools.send('Page.navigate', { url }, this.#session)
    await this.evaluate(untilLoaded)
  }

  async reload(): Promise<void> {
    await this.evaluate(`delete globalThis.harness`)
    await this.#tools.send('Page.reload', {}, this.#session)
    await this.evaluate(untilLoaded)
  }

  async front(): Promise<void> {
    await this.#tools.send('Target.activateTarget', { targetId: this.#target })
  }

  async freeze(): Promise<void> {
    await this.#tools.send('Page.setWebLifecycleState', { state: 'frozen' }, this.#session)
  }

  async resume(): Promise<void> {
    await this.#tools.send('Page.setWebLifecycleState', { state: 'active' }, this.#session)
  }

  /** Its process dies in the middle of whatever it does; the tab is closed after. */
  async kill(): Promise<void> {
    // A page that has crashed does not answer.
    this.#tools.send('Page.crash', {}, this.#session).catch(() => {})
    await this.#tools.send('Target.closeTarget', { targetId: this.#target })
  }
}

export class BareChromium {
  readonly #process: ChildProcess
  readonly #directory: string
  readonly #tools: DevTools

  private constructor(child: ChildProcess, directory: string, tools: DevTools) {
    this.#process = child
    this.#directory = directory
    this.#tools = tools
  }

  static async start(): Promise<BareChromium> {
    const executable = findBrowsers().chromium?.executablePath ?? 'chromium'
    const directory = await mkdtemp(join(tmpdir(), 'tabring-bare-'))
    const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
    const args = ['--headless=new', '--no-sandbox', '--remote-debugging-port=0', `--user-data-dir=${directory}`]
    const child = spawn(executable, [...args, ...quiet, ...chromiumArgs, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const socket = new WebSocket(await addressOf(child))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const tools = new DevTools(socket)
    const permissions = chromiumPermissions.map((name) => (name === 'camera' ? 'videoCapture' : 'audioCapture'))
    await tools.send('Browser.grantPermissions', { permissions })
    return new BareChromium(child, directory, tools)
  }

  /** Opens a tab in front of the others. */
  async open(url: string): Promise<BareTab> {
    const { targetId } = await this.#tools.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.#tools.send('Target.attachToTarget', { targetId, flatten: true })
    const tab = new BareTab(this.#tools, sessionId as string, targetId as string)
    if (url !== 'about:blank') await tab.navigate(url)
    return tab
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#tools.close()
    this.#process.kill('SIGKILL')
    await gone
    await rm(this.#directory, { recursive: true, force: true })
  }
}
