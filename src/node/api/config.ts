/**
 * Configuration: the options a node is opened with, checked and completed with defaults (Dynamo, section 4.5: n, r, w).
 *
 * A wrong option is refused before anything is opened.
 */
import { bounds } from '../../core/bounds.ts'
import { presets, type Timing } from '../../core/membership/timing.ts'
import { defaultFor, defaultQuorum, type QuorumSizes, quorumFault } from '../../core/quorum/requirements.ts'
import { encodeUtf8, isWellFormed } from '../../core/utf8.ts'
import { TabringError } from '../../errors.ts'

/** Bounds of all that a node keeps for others. */
export interface HintLimits {
  /** Keys kept for one node. */
  readonly keysPerTarget: number
  /** Bytes of all hints. */
  readonly bytes: number
}

/** The options of a node, as its host passes them. */
export interface NodeConfig {
  readonly cluster: string
  readonly n?: number | undefined
  readonly r?: number | undefined
  readonly w?: number | undefined
  readonly capacity?: number | undefined
  readonly timeoutMs?: number | undefined
  readonly graceMs?: number | undefined
  readonly retentionMs?: number | undefined
  readonly network?: 'internet' | 'local' | undefined
}

/** The checked and complete configuration. */
export interface CheckedConfig extends QuorumSizes {
  readonly cluster: string
  readonly capacity: number
  readonly timeoutMs: number
  readonly graceMs: number
  /** Time a ring waits for absent nodes before it forgets deletes. */
  readonly retentionMs: number
  /** Time a node is a guest. */
  readonly stayMs: number
  /** Siblings of one record, beyond which an owner resolves them. */
  readonly siblingsMax: number
  /** Time a node keeps an expired value. */
  readonly expiredKeptMs: number
  /** Bounds of the hints it keeps for others. */
  readonly hints: HintLimits
  /** Bytes of values in one message of a hint. A larger hint travels in parts. */
  readonly hintPartBytes: number
  /** Channels it keeps at most. */
  readonly linksMax: number
  readonly timing: Timing
}

/** Throws `invalid-option`. */
export const refuse = (message: string): never => {
  throw new TabringError('invalid-option', `${message}. Nothing was opened or changed.`)
}

/** Refuses a value that is no object, and unknown option names, which are misspelt. Throws `invalid-option`. */
export function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    refuse(`options must be an object with any of ${known.join(', ')}`)
    return
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name))
  if (unknown.length > 0) refuse(`there is no option ${unknown.join(', ')}; there are ${known.join(', ')}`)
}

export const utf8Length = (text: string): number => encodeUtf8(text).length

/** Checks a wait in ms: it must have an end. Throws `invalid-option`. */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 1 && timeoutMs <= bounds.operationTimeoutMsMax)) {
    refuse(`timeoutMs must be a number from 1 to ${bounds.operationTimeoutMsMax}, not ${String(timeoutMs)}`)
  }
  return timeoutMs
}

/** Checks the options of a node. Throws `invalid-option`. */
export function checkConfig(config: NodeConfig): CheckedConfig {
  if (typeof config !== 'object' || config === null) refuse('options must be an object with a cluster')
  const { cluster, n = defaultQuorum.n, capacity = 1, timeoutMs = bounds.operationTimeoutMs } = config
  const { graceMs = bounds.graceMs, retentionMs = bounds.retentionMs, network = 'internet' } = config
  const sizes = { n, r: config.r ?? defaultFor(n), w: config.w ?? defaultFor(n) }
  if (
    typeof cluster !== 'string' ||
    cluster === '' ||
    !isWellFormed(cluster) ||
    utf8Length(cluster) > bounds.clusterBytesMax
  ) {
    refuse(`cluster must be a text of 1 to ${bounds.clusterBytesMax} bytes of UTF-8`)
  }
  const fault = quorumFault(sizes)
  if (fault !== null) refuse(fault)
  if (typeof capacity !== 'number' || !(capacity >= bounds.capacityMin && capacity <= bounds.capacityMax)) {
    refuse(`capacity must be a number from ${bounds.capacityMin} to ${bounds.capacityMax}, not ${String(capacity)}`)
  }
  if (typeof graceMs !== 'number' || !(graceMs >= bounds.graceMsMin && graceMs <= bounds.graceMsMax)) {
    refuse(`graceMs must be a number from ${bounds.graceMsMin} to ${bounds.graceMsMax}, not ${String(graceMs)}`)
  }
  if (
    typeof retentionMs !== 'number' ||
    !(retentionMs >= bounds.retentionMsMin && retentionMs <= bounds.retentionMsMax)
  ) {
    refuse(
      `retentionMs must be a number from ${bounds.retentionMsMin} to ${bounds.retentionMsMax}, not ${String(retentionMs)}`,
    )
  }
  const timing = Object.hasOwn(presets, network) ? presets[network] : refuse("network must be 'internet' or 'local'")
  const stayMs = Math.max(bounds.guestStayMs, bounds.guestStayGraces * graceMs)
  const limits = {
    siblingsMax: bounds.siblingsMax,
    expiredKeptMs: bounds.expiredKeptMs,
    hints: { keysPerTarget: bounds.hintKeysPerTarget, bytes: bounds.hintBytes },
    hintPartBytes: bounds.hintPartBytes,
    linksMax: bounds.linksMax,
  }
  const times = { timeoutMs: checkTimeout(timeoutMs), graceMs, retentionMs, stayMs, timing }
  return { cluster, ...sizes, capacity, ...times, ...limits }
}
