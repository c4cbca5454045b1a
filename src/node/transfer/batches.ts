/**
 * Batches: records on their way to another node, for hints, read repair and exchanges (Dynamo, sections 4.6 and 4.7).
 *
 * The receiver acknowledges a batch when it is stored. A batch of hints is flushed first.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import { hashBytes, keyHashOf } from '../../core/hash.ts'
import type { NodeId } from '../../core/ids.ts'
import type { Item } from '../../core/merkle/reconciliation.ts'
import type { Dot } from '../../core/versioning/causal-history.ts'
import type { Sibling } from '../../core/versioning/record.ts'
import type { KeyedRecord, Reason, Reply } from '../../core/wire/messages.ts'
import type { Durability } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import { RequestFailure } from '../network/request-failure.ts'
import type { Replica } from '../storage/replica.ts'
import type { Asked, Coming, Taken } from '../storage/replica-port.ts'
import type { StoredRecord } from '../storage/rows.ts'
import type { Throttle } from './throttle.ts'

/** The size of a record on the wire, roughly, in bytes. */
export function bytesOf({ key, record }: KeyedRecord): number {
  const values = record.siblings.reduce(
    (sum, sibling) => sum + (sibling.kind === 'value' ? sibling.value.length : 0),
    0,
  )
  return key.length + values + 32 * (record.siblings.length + record.history.actors.size)
}

/** The size of several records on the wire, roughly, in bytes. */
export const sizeOf = (records: readonly KeyedRecord[]): number =>
  records.reduce((sum, record) => sum + bytesOf(record), 0)

/** Groups records into batches. A record larger than a batch travels alone. */
export function* batchesOf<T extends KeyedRecord>(records: Iterable<T>): Generator<readonly T[]> {
  let batch: T[] = []
  let bytes = 0
  for (const record of records) {
    const size = bytesOf(record)
    if (batch.length > 0 && (batch.length >= bounds.batchRecordsMax || bytes + size > bounds.batchBytesMax)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/**
 * Runs `work` for each page of items, a few pages at a time, so that disk and network work together. `size` is the
 * length of the next page. By default it is the number of records that are read together.
 */
export async function eachPage<T>(
  items: readonly T[],
  throttle: Throttle,
  work: (page: readonly T[]) => Promise<void>,
  size: () => number = () => throttle.records,
): Promise<void> {
  const underWay: Promise<void>[] = []
  const failures: unknown[] = []
  for (let next = 0; next < items.length; ) {
    const end = await throttle.moving.take()
    if (failures.length > 0) {
      end()
      break
    }
    const page = items.slice(next, next + size())
    next += page.length
    const job = work(page).catch((error: unknown) => void failures.push(error))
    underWay.push(job.finally(end))
  }
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
}

/**
 * Delivers one batch. Resolves when the node has stored it, and flushed it if it holds hints. `received`: places of the
 * siblings that the node had received before. Rejects with a `RequestFailure`.
 */
export async function deliver(
  peers: Peers,
  node: NodeId,
  batch: readonly KeyedRecord[],
  why: Reason,
  received: readonly number[] = [],
): Promise<Extract<Reply, { type: 'taken' }>> {
  const entries = batch.map(({ key, record }) => ({ key, record }))
  const reply = await peers.request(
    node,
    { type: 'deliver', why, entries, received },
    'bulk',
    bounds.operationTimeoutMs,
  )
  if (reply.type !== 'taken') throw new RequestFailure('refused')
  return reply
}

/** This node's own records of these items, to be moved. */
export async function readRecords(
  replica: Replica,
  throttle: Throttle,
  items: readonly Pick<Item, 'key'>[],
): Promise<readonly StoredRecord[]> {
  const records = await throttle.work(() => replica.records(items.map(({ key }) => key)))
  throttle.saw(records.length, sizeOf(records))
  return records
}

/**
 * Records of another node by the hashes of their keys: the first ones, as many as fit one batch. Rejects with a
 * `RequestFailure`.
 */
export async function fetchRecords(
  peers: Peers,
  node: NodeId,
  keys: readonly Uint8Array[],
): Promise<Extract<Reply, { type: 'records' }>> {
  const hashes = new Uint8Array(keys.length * hashBytes)
  for (const [index, key] of keys.entries()) hashes.set(key, index * hashBytes)
  const reply = await peers.request(node, { type: 'fetch', hashes }, 'bulk', bounds.operationTimeoutMs)
  if (reply.type !== 'records') throw new RequestFailure('refused')
  return reply
}

/** True if the other side had received a sibling of a record of this node before. */
export type IsKnown = (stored: StoredRecord, dot: Dot) => boolean

/** The siblings that the other side had received before, by their places among all siblings of the records. */
export const placesOfKnown = (records: readonly StoredRecord[], isKnown: IsKnown): readonly number[] =>
  records
    .flatMap((stored) => stored.record.siblings.map(({ dot }) => isKnown(stored, dot)))
    .flatMap((isReceived, at) => (isReceived ? [at] : []))

/** The siblings of each entry that are at these places among all siblings of the entries. */
function siblingsAt(entries: readonly KeyedRecord[], places: readonly number[]): readonly (readonly Sibling[])[] {
  const chosen = new Set(places)
  let next = 0
  return entries.map(({ record }) => {
    const first = next
    next += record.siblings.length
    return record.siblings.filter((_, at) => chosen.has(first + at))
  })
}

/**
 * The reply to a fetch: the records of the first hashes, as many as fit one batch, and at least one.
 */
export async function answerFetch(
  replica: Replica,
  hashes: Uint8Array,
  throttle: Throttle,
  isKnown: IsKnown,
): Promise<Reply> {
  const count = Math.min(Math.floor(hashes.length / hashBytes), throttle.recordsMax)
  const keyAt = (index: number) => hashes.slice(index * hashBytes, (index + 1) * hashBytes)
  const items = Array.from({ length: count }, (_, index) => ({ key: keyAt(index) }))
  const entries: StoredRecord[] = []
  let considered = 0
  // The sizes of the first records tell how many more may be read.
  while (considered < count && sizeOf(entries) < bounds.batchBytesMax) {
    const some = items.slice(considered, considered + throttle.records)
    considered += some.length
    entries.push(...(await readRecords(replica, throttle, some)))
  }
  const [batch = []] = batchesOf(entries)
  const received = placesOfKnown(batch, isKnown)
  const last = batch.at(-1)
  if (batch.length === entries.length || last === undefined) return { type: 'records', entries, received, considered }
  const end = bytesToHex(keyHashOf(last.key))
  considered = 1 + items.findIndex(({ key }) => bytesToHex(key) === end)
  return { type: 'records', entries: batch, received, considered }
}

/**
 * Takes in delivered or fetched records, a few at a time during gets and puts. With `strict` the last part is flushed.
 * `received`: places of the siblings that this node had received before. `asked` is called before each part, and says
 * who asks this node to keep it. It may throw, and nothing more is taken in.
 */
export async function takeIn(
  replica: Replica,
  entries: readonly KeyedRecord[],
  received: readonly number[],
  how: Durability,
  throttle: Throttle,
  coming: Coming | undefined,
  asked: () => Asked,
): Promise<Pick<Taken, 'overwritten'>> {
  const known = siblingsAt(entries, received)
  const incoming = entries.map((entry, at) => ({ ...entry, hintFor: [], received: known[at] ?? [] }))
  const overwritten: KeyedRecord[] = []
  throttle.saw(entries.length, sizeOf(entries))
  for (let next = 0; next < incoming.length; ) {
    const some = incoming.slice(next, next + throttle.records)
    next += some.length
    const durability = next < incoming.length ? 'relaxed' : how
    const taken = await throttle.work(() => replica.take(some, durability, asked(), coming))
    overwritten.push(...taken.overwritten)
  }
  return { overwritten }
}
