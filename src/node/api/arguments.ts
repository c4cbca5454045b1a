/**
 * What callers may pass: everything else is refused with a typed error that says what was wrong and what was
 * expected, before anything has changed.
 */
import { bounds } from '../../core/bounds.ts'
import type { StoredKey } from '../../core/ids.ts'
import { presets, type Timing } from '../../core/membership/timing.ts'
import type { Extent } from '../../core/quorum/demand.ts'
import { countFault, defaultFor, defaultQuorum, type QuorumSizes, quorumFault } from '../../core/quorum/requirements.ts'
import { encodeUtf8, isWellFormed } from '../../core/utf8.ts'
import { blindContext, type SeenContext } from '../../core/versioning/context.ts'
import { storedKey } from '../../core/versioning/stored-key.ts'
import { decodeContext } from '../../core/wire/record-codec.ts'
import { TabringError } from '../../errors.ts'
import type { HintLimits } from '../storage/hint-index.ts'
import type { DeleteOptions, GetOptions, JoinOptions, PutOptions, RequestOptions } from './tabring-node.ts'

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

const refuse = (message: string): never => {
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

const utf8Length = (text: string): number => encodeUtf8(text).length

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

/** A wait in ms that has an end. */
function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 1 && timeoutMs <= bounds.operationTimeoutMsMax)) {
    refuse(`timeoutMs must be a number from 1 to ${bounds.operationTimeoutMsMax}, not ${String(timeoutMs)}`)
  }
  return timeoutMs
}

/** What one request demands, its time, and what becomes of it where that is not met or nobody waits any more. */
export interface Checked extends RequestOptions {
  readonly demand: Extent
  readonly timeoutMs: number
}

const requestNames = ['timeoutMs', 'signal', 'strict']
const getNames = ['r', 'pr', 'atLeast', ...requestNames]
const deleteNames = ['w', 'pw', 'devices', ...requestNames]
const putNames = ['expiresAt', ...deleteNames]

/** What can give something up. */
export function checkSignal(signal: unknown): void {
  const isSignal = typeof signal === 'object' && signal !== null && 'addEventListener' in signal && 'aborted' in signal
  if (signal !== undefined && !isSignal) refuse('signal must be an AbortSignal: the `signal` of an AbortController')
}

function checkRequest(
  options: RequestOptions,
  names: readonly string[],
  config: CheckedConfig,
): Omit<Checked, 'demand'> {
  checkNames(options, names)
  const { timeoutMs = config.timeoutMs, signal, strict = false } = options
  if (typeof strict !== 'boolean') refuse(`strict must be true or false, not ${String(strict)}`)
  checkSignal(signal)
  return { timeoutMs: checkTimeout(timeoutMs), strict, ...(signal === undefined ? {} : { signal }) }
}

export function checkGet(options: GetOptions, config: CheckedConfig): Checked {
  const request = checkRequest(options, getNames, config)
  const { r, pr } = options
  const demand = {
    nodes: checkCount('r', r ?? config.r, 1, config.n),
    primaries: checkCount('pr', pr ?? 0, 0, config.n),
  }
  return { ...request, demand: { ...demand, devices: 0 } }
}

export function checkDelete(options: DeleteOptions, config: CheckedConfig): Checked {
  return checkWrite(options, deleteNames, config)
}

/** `expiresAt`: when the value ends, in ms since 1970, or null for never. */
export function checkPut(options: PutOptions, config: CheckedConfig): Checked & { readonly expiresAt: number | null } {
  return { ...checkWrite(options, putNames, config), expiresAt: checkExpiry(options) }
}

function checkWrite(options: DeleteOptions, names: readonly string[], config: CheckedConfig): Checked {
  const request = checkRequest(options, names, config)
  const { w, pw, devices } = options
  const demand = {
    nodes: checkCount('w', w ?? config.w, 1, config.n),
    primaries: checkCount('pw', pw ?? 0, 0, config.n),
    devices: checkCount('devices', devices ?? 1, 1, config.n),
  }
  return { ...request, demand }
}

/** How many members to wait for, and how long. */
export function checkJoined(options: JoinOptions): Required<JoinOptions> {
  checkNames(options, ['members', 'timeoutMs'])
  const { members = 2, timeoutMs = 30_000 } = options
  if (!Number.isInteger(members) || members < 1) refuse(`members must be a whole number from 1, not ${String(members)}`)
  return { members, timeoutMs: checkTimeout(timeoutMs) }
}

function checkCount(name: string, count: number, least: number, n: number): number {
  const fault = countFault(name, count, least, n)
  if (fault !== null) refuse(fault)
  return count
}

/** The stored name of a key of the node itself. */
export function checkKey(key: string): StoredKey {
  const length = typeof key === 'string' && isWellFormed(key) ? utf8Length(key) : 0
  if (length < 1 || length > bounds.keyBytesMax) {
    const was =
      typeof key !== 'string'
        ? `a ${typeof key}`
        : length === 0
          ? key === ''
            ? 'empty'
            : 'broken Unicode'
          : `${length} bytes`
    const text = `a key is a text of 1 to ${bounds.keyBytesMax} bytes of UTF-8; this one is ${was}. Nothing was changed.`
    throw new TabringError('invalid-key', text)
  }
  return storedKey({ mode: 'siblings', collection: '', key })
}

/** What the writer had seen. */
export function checkContext(key: StoredKey, context: unknown): SeenContext {
  if (context === null) return blindContext
  const seen = typeof context === 'string' ? decodeContext(key, context) : null
  if (seen === null) {
    const text = 'a context is null or what a get or put of this very key returned, unchanged. Nothing was changed.'
    throw new TabringError('invalid-context', text)
  }
  return seen
}

function checkExpiry({ expiresAt }: PutOptions): number | null {
  if (expiresAt === undefined) return null
  const at = expiresAt?.getTime?.()
  if (typeof at !== 'number' || Number.isNaN(at) || at < 0) refuse('expiresAt must be a valid Date after 1970')
  return at
}
