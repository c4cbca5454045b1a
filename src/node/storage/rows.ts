/**
 * Rows: the keys and contents of the rows in the store (Dynamo, section 5: local persistence).
 *
 * `record`: group = partition, name = the key's hash, so in the order of the tries; the key, its record and stamps.
 * `hint`: name = key; a record and its targets. `owed`: group = target, name = key; the size of that hint. These rows
 * find the hints of one target. `tree`: name = partition; the items of its trie. `journal`: name = number of a commit;
 * the items it changed. `meta`: state of this node. The part that keeps such a row describes it in its own file.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Stamp } from '../../core/acceptance/sessions.ts'
import { hashBytes, keyHashOf } from '../../core/hash.ts'
import type { NodeId, Partition, StoredKey } from '../../core/ids.ts'
import { partitionIn } from '../../core/merkle/forest.ts'
import { itemBytes } from '../../core/merkle/trie.ts'
import { dotName } from '../../core/versioning/causal-history.ts'
import { emptyRecord, type Record } from '../../core/versioning/record.ts'
import { ByteWriter, decodeWith } from '../../core/wire/bytes.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { readRecord, writeRecord } from '../../core/wire/record-codec.ts'
import { opened, sealed } from '../../core/wire/sealed.ts'
import type { RowKey, Write } from '../../ports.ts'

const nodeHexDigits = 32

export const partitionGroup = (partition: Partition): string => partition.toString(16).padStart(4, '0')
/** The place of the record whose key has this hash. */
export const recordRowAt = (hash: Uint8Array): RowKey => ['record', partitionGroup(partitionIn(hash)), bytesToHex(hash)]
export const recordRow = (key: StoredKey): RowKey => recordRowAt(keyHashOf(key))
/** The place of the changes of one commit, the `order`th of all. */
export const journalRow = (order: number): RowKey => ['journal', '', order.toString(16).padStart(14, '0')]
export const orderOfRow = ([, , name]: RowKey): number => Number.parseInt(name, 16)
export const treeRow = (partition: Partition): RowKey => ['tree', '', partitionGroup(partition)]
export const partitionOfGroup = (group: string): Partition => Number.parseInt(group, 16) as Partition
export const hintRow = (key: StoredKey): RowKey => ['hint', '', key]
export const owedRow = (target: NodeId, key: StoredKey): RowKey => ['owed', target, key]
export const metaRow = (name: string): RowKey => ['meta', '', name]

/** A row that is written and deleted again, to find out if the store accepts writes. */
export const probeRow: RowKey = metaRow('probe')

const noBytes: Uint8Array = new Uint8Array(0)

/** A write for a commit that has none: with any write at all it can wait for the disk. */
export const flushedWrite: Write = { key: metaRow('flushed'), value: noBytes }

/** A key that a commit changed, with its new version. Null if the record was deleted. */
export interface KeyChange {
  readonly hash: Uint8Array
  readonly version: Uint8Array | null
}

/** The changes as items of tries. A version of zeros, which no hash is, stands for a deleted record. */
export function encodeJournal(changes: readonly KeyChange[]): Uint8Array {
  const bytes = new Uint8Array(changes.length * itemBytes)
  for (const [index, { hash, version }] of changes.entries()) {
    bytes.set(hash, index * itemBytes)
    if (version !== null) bytes.set(version, index * itemBytes + hashBytes)
  }
  return bytes
}

export function journalIn(bytes: Uint8Array): readonly KeyChange[] {
  return Array.from({ length: Math.floor(bytes.length / itemBytes) }, (_, index) => {
    const at = index * itemBytes
    const version = bytes.slice(at + hashBytes, at + itemBytes)
    return { hash: bytes.slice(at, at + hashBytes), version: version.every((byte) => byte === 0) ? null : version }
  })
}

export const encodeTree = (items: Uint8Array): Uint8Array => sealed(items)

/** The items of a trie. Null for a damaged row. */
export const treeIn = (row: Uint8Array): Uint8Array | null =>
  opened(
    row,
    () => {},
    (reader) => reader.raw(reader.remaining),
  )

/**
 * A record with its key and the version it was written in. `stamps`: the session in which each sibling came, by the
 * name of its dot. A row of version 0.1.0 has no stamps, so its siblings count as not received.
 */
export interface StoredRecord extends KeyedRecord {
  readonly version: Uint8Array
  readonly stamps: ReadonlyMap<string, Stamp>
}

/** The stamps of a row that holds this record from now on. Siblings that stay keep theirs. */
export const stampsOf = ({ siblings }: Record, now: Stamp, kept?: StoredRecord['stamps']): StoredRecord['stamps'] =>
  new Map(siblings.map(({ dot }) => [dotName(dot), kept?.get(dotName(dot)) ?? now]))

export function encodeKeyedRecord({ key, version, record, stamps }: StoredRecord): Uint8Array {
  const writer = new ByteWriter()
  writer.raw(version)
  writer.text(key)
  writeRecord(writer, record)
  for (const { dot } of record.siblings) {
    const stamp = stamps.get(dotName(dot))
    if (stamp === undefined) continue
    writer.integer(stamp.boot)
    writer.integer(stamp.count)
  }
  return sealed(writer.done())
}

/** The write that stores a record, or deletes it if its version is null. */
export function recordWrite(
  hash: Uint8Array,
  stored: Omit<StoredRecord, 'version'>,
  version: Uint8Array | null,
): Write {
  return { key: recordRowAt(hash), value: version && encodeKeyedRecord({ ...stored, version }) }
}

/** The record in a row. Null for a missing row, and for a damaged one, which is reported to `corrupt`. */
export function keyedRecordIn(bytes: Uint8Array | undefined, corrupt: () => void): StoredRecord | null {
  return opened(bytes, corrupt, (reader) => {
    const version = reader.raw(hashBytes)
    const key = reader.text(reader.remaining) as StoredKey
    const record = readRecord(reader)
    const found: Stamp[] = []
    while (reader.remaining > 0) found.push({ boot: reader.integer(), count: reader.integer() })
    // Rows from between two releases have one stamp for several siblings. It says nothing about any of them.
    const isOfEach = found.length === record.siblings.length
    const stamped = record.siblings.flatMap(({ dot }, at) =>
      isOfEach ? [[dotName(dot), found[at] as Stamp] as const] : [],
    )
    return { version, key, record, stamps: new Map(stamped) }
  })
}

/** The record in a row. Empty if the row is missing or damaged. */
export function recordIn(bytes: Uint8Array | undefined, corrupt: () => void): Record {
  return keyedRecordIn(bytes, corrupt)?.record ?? emptyRecord
}

/** A record with the nodes it is kept for. */
export interface Hint {
  readonly record: Record
  /** Sorted, without duplicates. */
  readonly targets: readonly NodeId[]
}

export function encodeHint({ record, targets }: Hint): Uint8Array {
  const writer = new ByteWriter()
  writer.list(targets, (target) => writer.hex(target))
  writeRecord(writer, record)
  return sealed(writer.done())
}

/** The `owed` row of one target: the hint of a key is kept for it, and has this size. */
export function owedWrite(target: NodeId, key: StoredKey, bytes: number): Write {
  const writer = new ByteWriter()
  writer.integer(bytes)
  return { key: owedRow(target, key), value: writer.done() }
}

/** The size of a hint, by its `owed` row. */
export const sizeIn = (row: Uint8Array): number => decodeWith(row, (reader) => reader.integer()) ?? 0

export function hintIn(bytes: Uint8Array | undefined, corrupt: () => void): Hint {
  const hint = opened(bytes, corrupt, (reader) => {
    const targets = reader.list(() => reader.hex(nodeHexDigits) as NodeId)
    return { targets, record: readRecord(reader) }
  })
  return hint ?? { record: emptyRecord, targets: [] }
}
