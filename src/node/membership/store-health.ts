/**
 * What a node tells the ring of its own store, and when it gives that store up.
 *
 * A full store is told at once, and room only where a write that takes some has succeeded: a full disk still takes
 * small ones. A store that failed a few times on end, for some seconds, is told to have failed; the next write that
 * succeeds takes that back. One that goes on failing is given up. Where nobody writes, the node looks by itself, less
 * and less often.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import type { StorageState } from '../../core/membership/claims.ts'
import { type Clock, type Store, StoreFailure } from '../../ports.ts'
import { BackOff } from '../scheduling/back-off.ts'
import { probeRow } from '../storage/rows.ts'

export class StoreHealth {
  /** What the ring is to hear of the store. */
  onSays: (state: StorageState) => void = () => {}
  /** The store has failed for too long. */
  onGivenUp: () => void = () => {}
  readonly #clock: Clock
  readonly #store: Store
  readonly #self: NodeId
  /** When to look whether there is room again, and whether the store works again. */
  readonly #pauses: Readonly<Record<'full' | 'failed', BackOff<'store'>>>
  #said: StorageState = 'ok'
  #saidOkAt = Number.NEGATIVE_INFINITY
  /** Failures on end, and when the first of them was. */
  #failures = 0
  #failingSince = 0
  #cancelLook: (() => void) | null = null
  #isLooking = false
  #isOver = false

  constructor(clock: Clock, store: Store, chance: () => number, self: NodeId) {
    this.#clock = clock
    this.#store = store
    this.#self = self
    const pauses = (firstMs: number) => new BackOff<'store'>(clock, chance, { firstMs, lastMs: bounds.retryLastMs })
    this.#pauses = { full: pauses(bounds.roomIntervalMs), failed: pauses(bounds.retryFirstMs) }
  }

  /** How the store took something. */
  was(state: StorageState): void {
    if (this.#isOver) return
    if (state === 'failed') {
      this.#failed()
      return
    }
    this.#failures = 0
    this.#pauses.failed.reset(this.#self)
    if (state === 'full') this.#full()
    else if (this.#said === 'failed') this.#say('ok')
  }

  #full(): void {
    // What turns out to be full again soon after had no room worth telling of: the pauses go on where they were.
    const isNew = this.#said !== 'full' && this.#clock.now() - this.#saidOkAt >= bounds.fullForMs
    if (isNew) this.#pauses.full.reset(this.#self)
    this.#say('full')
    this.#lookAfter('full')
  }

  #failed(): void {
    if (this.#failures === 0) this.#failingSince = this.#clock.now()
    this.#failures += 1
    const forMs = this.#clock.now() - this.#failingSince
    const isLasting = this.#failures >= bounds.storageFailuresMin
    if (isLasting && forMs >= bounds.storageFailedMs) this.#say('failed')
    if (isLasting && forMs >= bounds.storageGivenUpMs) {
      this.end()
      this.onGivenUp()
      return
    }
    this.#lookAfter('failed')
  }

  #say(state: StorageState): void {
    if (this.#said === state) return
    this.#said = state
    if (state === 'ok') this.#saidOkAt = this.#clock.now()
    this.onSays(state)
  }

  #lookAfter(why: 'full' | 'failed'): void {
    if (this.#cancelLook !== null || this.#isLooking || this.#isOver) return
    this.#cancelLook = this.#clock.after(this.#pauses[why].failed(this.#self, 'store'), () => void this.look())
  }

  /**
   * Looks now: writes as much as a few records take, and takes it away again. Also where something has just made
   * room.
   */
  async look(): Promise<void> {
    this.#cancelLook?.()
    this.#cancelLook = null
    if (this.#isLooking || this.#isOver) return
    this.#isLooking = true
    const found = await this.#probe()
    this.#isLooking = false
    if (this.#isOver || found === 'closed') return
    this.was(found)
    if (found === 'ok') this.#say('ok')
  }

  async #probe(): Promise<StorageState | 'closed'> {
    const put = (value: Uint8Array | null) =>
      this.#store.transact([], 'relaxed', () => ({ writes: [{ key: probeRow, value }], result: undefined }))
    try {
      await put(new Uint8Array(bounds.roomProbeBytes))
      await put(null)
      return 'ok'
    } catch (error) {
      return error instanceof StoreFailure ? error.reason : 'failed'
    }
  }

  /** What the ring hears of the store. */
  get said(): StorageState {
    return this.#said
  }

  end(): void {
    this.#isOver = true
    this.#cancelLook?.()
    this.#cancelLook = null
  }
}
