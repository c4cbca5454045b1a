/**
 * One call to one store fails, in one of the ways in which browsers' databases do; everything else works. Whatever the
 * call, the node goes on, or ends and comes back as another one, and the application hears what there is to hear.
 */
import { lose, type StorageNode } from '../../src/node/storage-node.ts'
import { type Store, StoreFailure } from '../../src/ports.ts'
import type { Boot } from './boot.ts'
import type { Violation } from './checker.ts'
import type { Counters } from './counters.ts'
import { isData } from './sim-store.ts'
import type { VirtualClock } from './virtual-clock.ts'

/**
 * `abort`: the transaction is undone. `quota`: so is this one, for want of room at its commit. `lost`: the connection
 * breaks, and the transaction was complete or not. `hang`: nobody hears of it again until a deadline. `empty`: the
 * database is gone.
 */
export const failureKinds = ['abort', 'quota', 'lost', 'hang', 'empty'] as const
export type FailureKind = (typeof failureKinds)[number]

/** The how-manyeth call of the first place's store fails, and how. */
export interface Failing {
  readonly call: number
  readonly kind: FailureKind
}

const hangMs = 10_000

/** A transaction that is decided and not completed. */
class Undone extends Error {}

interface Failed {
  readonly boot: Boot
  /** Whether records or hints were to be stored. */
  isTakingIn: boolean
  /** The boot heard of its end. */
  isHeard: boolean
}

export class FailingCall {
  readonly #failing: Failing
  readonly #clock: VirtualClock
  readonly #counters: Counters
  #calls = 0
  #failed: Failed | undefined
  readonly #events: { readonly boot: Boot; readonly event: string }[] = []

  constructor(failing: Failing, clock: VirtualClock, counters: Counters) {
    this.#failing = failing
    this.#clock = clock
    this.#counters = counters
  }

  #isDue(): boolean {
    this.#calls += 1
    this.#counters.count('calls to the store that fails')
    return this.#calls === this.#failing.call
  }

  /** The store of a boot, a call to which may fail; `wipe` empties its disk. */
  wrap(store: Store, wipe: () => void, boot: Boot): Store {
    return {
      ...store,
      transact: (keys, durability, decide) => {
        if (!this.#isDue()) return store.transact(keys, durability, decide)
        const failed = this.#begin(boot)
        const work = store.transact(keys, durability, (rows) => {
          const decision = decide(rows)
          failed.isTakingIn = decision.writes.some(({ key }) => isData(key))
          if (!this.#isComplete) throw new Undone()
          return decision
        })
        return this.#end(work, failed, wipe)
      },
      read: (keys) => (this.#isDue() ? this.#end(store.read(keys), this.#begin(boot), wipe) : store.read(keys)),
      scan: (range) => (this.#isDue() ? this.#end(store.scan(range), this.#begin(boot), wipe) : store.scan(range)),
    }
  }

  /** Of transactions whose end nobody hears of, every other one was complete. */
  get #isComplete(): boolean {
    const { kind, call } = this.#failing
    return (kind === 'lost' || kind === 'hang') && call % 2 === 0
  }

  #begin(boot: Boot): Failed {
    this.#failed = { boot, isTakingIn: false, isHeard: false }
    this.#counters.count(`fault: one call failed, ${this.#failing.kind}`)
    return this.#failed
  }

  async #end<T>(work: Promise<T>, failed: Failed, wipe: () => void): Promise<T> {
    const { kind } = this.#failing
    await work.catch(() => {})
    if (kind === 'hang')
      await new Promise<void>((resolve) => this.#clock.after(hangMs, () => failed.boot.gate(resolve)))
    failed.isHeard = failed.boot.isAlive
    if (kind === 'empty') {
      wipe()
      if (failed.boot.node !== undefined) lose(failed.boot.node, 'evicted')
    }
    const reason = kind === 'quota' ? 'full' : kind === 'empty' ? 'closed' : 'failed'
    throw new StoreFailure(reason, `the simulation let this call fail: ${kind}`)
  }

  /** Whether a boot's database went while it was opened: then it does not open. */
  lostWhileOpening(boot: Boot): boolean {
    return this.#failing.kind === 'empty' && this.#failed?.boot === boot && this.#failed.isHeard
  }

  /** A boot serves: what it tells is noted. */
  listen(boot: Boot, node: StorageNode): void {
    const note = (event: string) => this.#events.push({ boot, event })
    node.on('storage', ({ state }) => note(state))
    node.on('data-loss', ({ reason }) => note(reason))
  }

  /** What the application should have heard and has not, or the other way round. */
  violations(): readonly Violation[] {
    const { kind, call } = this.#failing
    if (this.#failed === undefined) return []
    const { boot, isTakingIn, isHeard } = this.#failed
    const expected = kind === 'empty' ? 'evicted' : kind === 'quota' ? 'full' : 'failed'
    const heard = this.#events.flatMap((each) => (each.boot === boot ? [each.event] : []))
    const isDue = isHeard && boot.node !== undefined && (kind === 'empty' || isTakingIn)
    const others = this.#events.filter(({ event }) => event !== expected && event !== 'ok')
    const violation = (witness: string): Violation => {
      return { class: 'WRONG_EVENT', key: '', subject: `${kind} at call ${call}`, witness }
    }
    return [
      ...(isDue && !heard.includes(expected) ? [violation(`${expected} was not told`)] : []),
      ...others.map(({ event }) => violation(`${event} was told`)),
    ]
  }
}
