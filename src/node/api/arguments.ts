/**
 * Arguments: the checks of all that an application passes to a request (Dynamo, section 4.1).
 *
 * A wrong argument is refused with a typed error before anything has changed. The text says what was wrong and what is
 * expected.
 */
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { Partition, StoredKey } from '../../core/ids.ts'
import type { Extent } from '../../core/quorum/demand.ts'
import { countFault } from '../../core/quorum/requirements.ts'
import { type KeyName, marks, prefixesOf, prefixOf, storedKey } from '../../core/stored-key.ts'
import { isWellFormed } from '../../core/utf8.ts'
import { blindContext, type SeenContext } from '../../core/versioning/context.ts'
import type { NameRange } from '../../core/wire/messages.ts'
import { decodeContext } from '../../core/wire/record-codec.ts'
import { TabringError } from '../../errors.ts'
import { type CheckedConfig, checkNames, checkTimeout, refuse, utf8Length } from './config.ts'
import type { ScanRange } from './named-requests.ts'
import type { DeleteOptions, GetOptions, JoinOptions, PutOptions, RequestOptions } from './tabring-node.ts'

/** A checked request: its demand, its time in ms, its signal, and its choice between an answer and an error. */
export interface Checked extends RequestOptions {
  readonly demand: Extent
  readonly timeoutMs: number
}

const requestNames = ['timeoutMs', 'signal', 'strict']
const getNames = ['r', 'pr', 'atLeast', ...requestNames]
const deleteNames = ['w', 'pw', 'devices', ...requestNames]
const putNames = ['expiresAt', ...deleteNames]

/** Checks that a signal can abort something. Throws `invalid-option`. */
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

/** `expiresAt`: the end of the value, ms since 1970, or null for never. */
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

/** The number of members to wait for, and the longest wait, ms. */
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

/** The stored name of an application's key. Throws `invalid-key`, or `invalid-option` for a collection or group. */
export function checkKey({ collection, group, key }: KeyName): StoredKey {
  checkText('key', key, 1, bounds.keyBytesMax)
  checkPlace(collection, group)
  return storedKey({ collection, group, key })
}

/** Checks the names of a collection and a group. Throws `invalid-option`. */
function checkPlace(collection: string, group: string | null): void {
  checkText('collection', collection, 0, bounds.collectionBytesMax)
  if (group !== null) checkText('group', group, 0, bounds.groupBytesMax)
}

/** The page of names that a scan covers. Throws `invalid-option`. */
export function checkRange(range: ScanRange): NameRange {
  const { collection, where, prefix = '', after, limit = bounds.batchRecordsMax } = range
  for (const text of [prefix, after ?? '']) checkText('prefix', text, 0, bounds.keyBytesMax)
  if (!Number.isInteger(limit) || limit < 1 || limit > bounds.batchRecordsMax)
    refuse(`limit must be a whole number from 1 to ${bounds.batchRecordsMax}, not ${String(limit)}`)
  if ('group' in where) {
    checkPlace(collection, where.group)
    const place = prefixOf(collection, where.group)
    const partition = partitionOf(place as StoredKey)
    // U+0000 is the least character, so this is the first name after `after`.
    const from = range.from ?? (after === undefined ? place : `${place}${after}\u0000`)
    return { partition, prefixes: [`${place}${prefix}`], from, limit }
  }
  checkPlace(collection, null)
  const { partition } = where
  if (!Number.isInteger(partition) || partition < 0 || partition >= bounds.partitions)
    refuse(`partition must be a whole number from 0 to ${bounds.partitions - 1}, not ${String(partition)}`)
  const prefixes = prefixesOf(collection)
  return { partition: partition as Partition, prefixes, from: range.from ?? (prefixes[0] as string), limit }
}

/** Checks a name: well-formed text of so many bytes of UTF-8. Only a key may hold the two characters that end names. */
function checkText(what: 'key' | 'collection' | 'group' | 'prefix', text: string, least: number, most: number): void {
  const length = typeof text === 'string' && isWellFormed(text) ? utf8Length(text) : -1
  const isMarked = (what === 'collection' || what === 'group') && marks.some((mark) => `${text}`.includes(mark))
  if (length >= least && length <= most && !isMarked) return
  const was =
    typeof text !== 'string'
      ? `a ${typeof text}`
      : length < 0
        ? 'broken Unicode'
        : length === 0
          ? 'empty'
          : isMarked
            ? 'one with U+0000 or U+0001'
            : `${length} bytes`
  const expected = `a ${what} is a text of ${least} to ${most} bytes of UTF-8; this one is ${was}. Nothing was changed.`
  throw new TabringError(what === 'key' ? 'invalid-key' : 'invalid-option', expected)
}

/** The context that the writer hands in. Null is a blind write. Throws `invalid-context`. */
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
