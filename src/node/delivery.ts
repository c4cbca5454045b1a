/**
 * Records to another node, in batches it acknowledges once they are flushed: how hints, repairs and moving data travel.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId } from '../core/ids.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { type Peers, RequestFailure } from './peers.ts'

/** Roughly what a record takes on the wire. */
export function bytesOf({ key, record }: KeyedRecord): number {
  const values = record.siblings.reduce(
    (sum, sibling) => sum + (sibling.kind === 'value' ? sibling.value.length : 0),
    0,
  )
  return key.length + values + 32 * (record.siblings.length + record.history.size)
}

/** Groups of records within the bounds of one batch; a record larger than a batch travels alone. */
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

/** Delivers one batch; resolves once the node has it strictly durable. Rejects with a `RequestFailure`. */
export async function deliver(peers: Peers, node: NodeId, batch: readonly KeyedRecord[]): Promise<void> {
  const entries = batch.map(({ key, record }) => ({ key, record }))
  const reply = await peers.request(node, { type: 'deliver', entries }, 'bulk', bounds.operationTimeoutMs)
  if (reply.type !== 'done') throw new RequestFailure('refused')
}
