/**
 * A history: what clients asked for and were told, and what the owners of each key hold in the end.
 */
import type { DeviceId, HybridTime } from '../../src/core/ids.ts'

export interface Operation {
  readonly id: number
  readonly client: number
  readonly type: 'put' | 'delete' | 'get'
  readonly key: string
  /** Of writes: a name no other write has, which is also the value stored. */
  readonly vid?: string
  /** Of writes: the operation whose context was handed in; null for a blind write. */
  readonly contextFrom?: number | null
  /** Of puts: when the value expires, by the clock that operations are timed with. */
  readonly expiresAt?: number
  readonly invoked: number
  returned: number
  /** `fail`: the store says that nothing changed. `unknown`: it may have taken effect, or may yet. */
  status: 'ok' | 'fail' | 'unknown'
  dot?: string
  /** The hybrid time of a write whose dot is known. */
  time?: HybridTime
  /** Of gets: the values returned, and the deletes that their context covers, and with them the values that expire. */
  vids?: readonly string[]
  deletesSeen?: readonly string[]
  /** Of gets: those of these deletes that their context names. */
  deletesNamed?: readonly string[]
  /**
   * Of gets that were to see at least what an operation of the same client had seen, and say they do: that operation.
   */
  atLeast?: number
  /** Whether as many nodes had a write, or answered a get, as its client asked for. */
  quorum?: boolean
  /** Of writes: acknowledged by one device that may lose it. Its outcome is unknown; its loss has to be told. */
  isExcused?: boolean
  /** How many were asked for: r or w, and owners among them. */
  nodes?: number
  pr?: number
  pw?: number
  /** Of writes: the devices that had it when it was answered. */
  heldOn?: readonly DeviceId[]
  /** Of gets in the end: the values that each owner held. */
  held?: readonly string[]
  /** Of gets: earlier writes of which a holder could be asked all the while. */
  reached?: readonly string[]
}

/** What the owners of a key hold in the end, each by itself. */
export interface FinalReplica {
  readonly node: string
  readonly vids: readonly string[]
  readonly dead: readonly string[]
}
