/**
 * What one node is opened with, checked and completed with defaults.
 */
import { bounds } from '../../core/bounds.ts'
import { presets, type Timing } from '../../core/membership/timing.ts'
import { defaultFor, defaultQuorum, type QuorumSizes, quorumFault } from '../../core/quorum/requirements.ts'
import { encodeUtf8, isWellFormed } from '../../core/utf8.ts'
import { TabringError } from '../../errors.ts'

/** How much a node keeps for others at most. */
export interface HintLimits {
  /** Keys kept for one node. */
  readonly keysPerTarget: number
  /** Bytes of all hints. */
  readonly bytes: number
}

/** What one node is told when it opens. */
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

/** The same, checked and complete. */
export interface CheckedConfig extends QuorumSizes {
  readonly cluster: string
  readonly capacity: number
  readonly timeoutMs: number
  readonly graceMs: number
  /** How long deletes are remembered. */
  readonly retentionMs: number
  /** How long a node is a guest. */
  readonly stayMs: number
  /** Siblings of one record, beyond which an owner resolves them. */
  readonly siblingsMax: number
  /** How long values are kept that have expired. */
  readonly expiredKeptMs: number
  /** What it keeps for others at most. */
  readonly hints: HintLimits
  /** Bytes of values that one message carries of a hint. */
  readonly hintPartBytes: number
  readonly timing: Timing
}

/** Refuses an option. */
export const refuse = (message: string): never => {
  throw new TabringError('invalid-option', `${message}. Nothing was opened or changed.`)
}

/** Refuses what is no object, and options that nobody knows: they are misspelt. */
export function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    refuse(`options must be an object with any of ${known.join(', ')}`)
    return
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name))
  if (unknown.length > 0) refuse(`there is no option ${unknown.join(', ')}; there are ${known.join(', ')}`)
}

export const utf8Length = (text: string): number => encodeUtf8(text).length

/** A wait in ms that has an end. */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 1 && timeoutMs <= bounds.operationTimeoutMsMax)) {
    refuse(`timeoutMs must be a number from 1 to ${bounds.operationTimeoutMsMax}, not ${String(timeoutMs)}`)
  }
  return timeoutMs
}

/** Checks what a node is opened with. */
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
  }
  const times = { timeoutMs: checkTimeout(timeoutMs), graceMs, retentionMs, stayMs, timing }
  return { cluster, ...sizes, capacity, ...times, ...limits }
}
