/**
 * What the rows of the store hold, and where.
 *
 * `record`: group = partition, name = key, a record. `hint`: one row a key, a record and whom it is owed to. `owed`: group =
 * whom, name = key, no value: finds the hints of one node. `meta`: this node itself.
 */
import { partitionOf } from '../core/hash.ts'
import type { NodeId, Partition, StoredKey } from '../core/ids.ts'
import { emptyRecord, type Record } from '../core/versioning/record.ts'
import { ByteWriter, decodeWith } from '../core/wire/bytes.ts'
import { decodeRecord, readRecord, writeRecord } from '../core/wire/record-codec.ts'
import type { RowKey } from '../ports.ts'

const nodeHexDigits = 32

const partitionGroup = (partition: Partition): string => partition.toString(16).padStart(4, '0')
export const recordRow = (key: StoredKey): RowKey => ['record', partitionGroup(partitionOf(key)), key]
export const hintRow = (key: StoredKey): RowKey => ['hint', '', key]
export const owedRow = (target: NodeId, key: StoredKey): RowKey => ['owed', target, key]
export const metaRow = (name: string): RowKey => ['meta', '', name]

/** How this node stood to each partition. */
export const ownershipRow: RowKey = metaRow('ownership')

export const noBytes: Uint8Array = new Uint8Array(0)

/** A row that cannot be read counts as none; `corrupt` hears of it. */
export function recordIn(bytes: Uint8Array | undefined, corrupt: () => void): Record {
  if (bytes === undefined) return emptyRecord
  const record = decodeRecord(bytes)
  if (record === null) corrupt()
  return record ?? emptyRecord
}

/** A record kept for owners that could not be reached. */
export interface Hint {
  readonly record: Record
  /** Sorted, none twice. */
  readonly targets: readonly NodeId[]
}

export function encodeHint({ record, targets }: Hint): Uint8Array {
  const writer = new ByteWriter()
  writer.list(targets, (target) => writer.hex(target))
  writeRecord(writer, record)
  return writer.done()
}

export function hintIn(bytes: Uint8Array | undefined, corrupt: () => void): Hint {
  const none: Hint = { record: emptyRecord, targets: [] }
  if (bytes === undefined) return none
  const hint = decodeWith(bytes, (reader) => {
    const targets = reader.list(() => reader.hex(nodeHexDigits) as NodeId)
    return { targets, record: readRecord(reader) }
  })
  if (hint === null) corrupt()
  return hint ?? none
}
