/**
 * Store health: the state of this node's store, as it tells the ring (not in the paper).
 *
 * The node reports a full store at once. It reports room only after a probe of some size has succeeded, since a full
 * disk still takes small writes. It reports a failed store after several failures in a row, over some seconds. The next
 * operation that succeeds takes that back. A store that goes on failing is given up. While the store is full or
 * failing, the node probes it, less and less often.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId } from '../../core/ids.ts'
import type { StorageState } from '../../core/membership/claims.ts'
import { type Clock, type Store, StoreFailure } from '../../ports.ts'
import { BackOff } from '../scheduling/back-off.ts'
import { probeRow } from '../storage/rows.ts'

export class StoreHealth {
  /** The state of the store has changed, and the ring is to hear it. */
  onSays: (state: StorageState) => void = () => {}
  /** The store has failed for too long. */
  onGivenUp: () => void = () => {}
  readonly #clock: Clock
  readonly #store: Store
  readonly #self: NodeId
  /** Pauses before the next probe of a full store, and of a failed one. */
  readonly #pauses: Readonly<Record<'full' | 'failed', BackOff<'store'>>>
  #said: StorageState = 'ok'
  #saidOkAt = Number.NEGATIVE_INFINITY
  /** Failures in a row, and the time of the first. */
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

  /** Notes the result of an operation on the store. */
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
    // A store that is full again soon had too little room to speak of. The pauses go on where they were.
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
   * Probes the store now: writes the bytes of a few records, and deletes them again. Also called after records were
   * dropped.
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

  /** The state that the ring has heard last. */
  get said(): StorageState {
    return this.#said
  }

  end(): void {
    this.#isOver = true
    this.#cancelLook?.()
    this.#cancelLook = null
  }
}
