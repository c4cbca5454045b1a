/**
 * The tab of one boot as its browser's database sees it: on virtual time, frozen and ended with its boot, and with all that goes wrong
 * with transactions and connections.
 */
import { openIndexedDbStore } from '../../src/browser/indexeddb/indexeddb-store.ts'
import type { Clock, Store } from '../../src/ports.ts'
import { installFake } from '../indexeddb/factory.ts'
import type { Course, Failure, Opening, Tab } from '../indexeddb/tab.ts'
import { type BrowserDisk, databaseName } from './browser-disk.ts'
import { type Surroundings, slowestMs } from './sim-store.ts'
import type { Gate } from './virtual-clock.ts'

/** A transaction or an opening that hangs does so for less than this, or nothing ever comes of it. */
const hangMs = 25_000

/** How browsers call it when a transaction is lost: the connection is gone, the disk failed, the quota is used up, all is damaged. */
const failureNames = [
  'AbortError',
  'AbortError',
  'UnknownError',
  'UnknownError',
  'QuotaExceededError',
  'DataError',
] as const

interface Life {
  readonly gate: Gate
  readonly isAlive: boolean
}

class BrowserTab implements Tab {
  readonly #surroundings: Surroundings
  readonly #life: Life
  readonly #disk: BrowserDisk

  constructor(surroundings: Surroundings, life: Life, disk: BrowserDisk) {
    this.#surroundings = surroundings
    this.#life = life
    this.#disk = disk
  }

  get isAlive(): boolean {
    return this.#life.isAlive
  }

  post(delayMs: number, task: () => void): void {
    this.#surroundings.clock.after(delayMs, () => {
      let isNow = true
      this.#life.gate(() => {
        // What was due while it was frozen runs in tasks of its own, between which promises run.
        if (isNow) task()
        else this.post(0, task)
      })
      isNow = false
    })
  }

  task(): number {
    return this.#surroundings.clock.events
  }

  #delayMs(): number {
    const { chance, options, slowness } = this.#surroundings
    const ms = chance.exponential(options.commitMs)
    return slowness() === 1 ? ms : Math.min(ms * slowness(), slowestMs)
  }

  #happens(probability: number, name: string): boolean {
    const { calm, chance, counters } = this.#surroundings
    if (calm() || !chance.happens(probability)) return false
    counters.count(`fault: ${name}`)
    return true
  }

  courseOf(mode: IDBTransactionMode): Course {
    const { chance, options } = this.#surroundings
    const [startMs, wordMs] = [this.#delayMs(), mode === 'readonly' ? 0 : this.#delayMs() / 2]
    const failure = this.#failureOf(mode)
    const hung = this.#happens(options.hang, 'transaction hung') ? chance.fraction() * hangMs : 0
    const isStuck = hung > 0 && chance.happens(0.5)
    const fullAt = Number.isFinite(this.#disk.rowsMax()) && chance.happens(0.5) ? 'request' : 'commit'
    return { startMs: startMs + (isStuck ? hung : 0), wordMs: wordMs + (isStuck ? 0 : hung), failure, fullAt }
  }

  #failureOf(mode: IDBTransactionMode): Failure | null {
    const { chance, options } = this.#surroundings
    if (mode !== 'readonly' && this.#happens(options.again, 'transaction decided again although it had taken effect'))
      return {
        name: chance.pick(['AbortError', 'UnknownError']),
        when: 'behind its commit',
        closes: chance.happens(0.5),
      }
    if (mode !== 'readonly' && this.#disk.isBroken)
      return { name: 'UnknownError', when: 'at its commit', closes: false }
    if (!this.#happens(mode === 'readonly' ? options.abort / 4 : options.abort, 'transaction aborted')) return null
    const name = chance.pick(failureNames)
    if (mode === 'readonly' || chance.happens(0.5)) return { name, when: 'before it', closes: chance.happens(0.3) }
    return { name, when: 'at its commit', closes: chance.happens(0.3) }
  }

  opening(): Opening {
    const { chance, options } = this.#surroundings
    const isStuck = this.#happens(Math.min(0.1, 10 * options.hang), 'opening hung')
    const refusal = this.#happens(options.abort, 'opening failed') ? 'UnknownError' : null
    const delayMs = this.#delayMs()
    return { delayMs: isStuck ? (chance.happens(0.5) ? null : chance.fraction() * hangMs) : delayMs, refusal }
  }
}

/** The tabs whose databases are open, or were. */
const tabs = new Map<string, { readonly tab: Tab; readonly disk: BrowserDisk }>()
let opened = 0

/** Opens the browser's store for one boot. `lost` hears that its database is gone. */
export async function openBrowserStore(
  disk: BrowserDisk,
  surroundings: Surroundings,
  life: Life,
  clock: Clock,
  lost: () => void,
): Promise<Store> {
  if (opened === 0)
    installFake((name) => {
      const found = tabs.get(name)
      if (found === undefined) throw new Error('this tab has ended')
      return { tab: found.tab, disk: found.disk.fake, database: databaseName }
    })
  opened += 1
  disk.begun()
  for (const [name, { tab }] of tabs) if (!tab.isAlive) tabs.delete(name)
  const name = `boot ${opened}`
  tabs.set(name, { tab: new BrowserTab(surroundings, life, disk), disk })
  const { store } = await openIndexedDbStore(name, clock, lost, surroundings.options.logRowsMin)
  return store
}
