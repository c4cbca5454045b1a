/**
 * What the rows of the store hold, and where.
 *
 * `record`: group = partition, name = the key's hash, the key and its record: in the order in which tries keep them.
 * `hint`: one row a key, a record and whom it is owed to. `owed`: group = whom, name = key, value = the hint's bytes:
 * finds the hints of one node. `tree`: name = partition, the items of its trie. `journal`: name = place of a commit among all, what
 * it changed: items of tries. `meta`: this node itself; each such row stands in the file of the part that keeps it.
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
/** The row of the record whose key has this hash. */
export const recordRowAt = (hash: Uint8Array): RowKey => ['record', partitionGroup(partitionIn(hash)), bytesToHex(hash)]
export const recordRow = (key: StoredKey): RowKey => recordRowAt(keyHashOf(key))
/** The row that says what one commit, the `order`th of all, has changed. */
export const journalRow = (order: number): RowKey => ['journal', '', order.toString(16).padStart(14, '0')]
export const orderOfRow = ([, , name]: RowKey): number => Number.parseInt(name, 16)
export const treeRow = (partition: Partition): RowKey => ['tree', '', partitionGroup(partition)]
export const partitionOfGroup = (group: string): Partition => Number.parseInt(group, 16) as Partition
export const hintRow = (key: StoredKey): RowKey => ['hint', '', key]
export const owedRow = (target: NodeId, key: StoredKey): RowKey => ['owed', target, key]
export const metaRow = (name: string): RowKey => ['meta', '', name]

/** Written and taken away again, to see whether the store takes anything in. */
export const probeRow: RowKey = metaRow('probe')

const noBytes: Uint8Array = new Uint8Array(0)

/** With any write at all a commit can be made to wait for the disk. */
export const flushedWrite: Write = { key: metaRow('flushed'), value: noBytes }

/** What a commit made of a key: its version, or null where the record was deleted. */
export interface KeyChange {
  readonly hash: Uint8Array
  readonly version: Uint8Array | null
}

/** Items of tries; a version of zeros, which no hash is, stands for a deleted record. */
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

/** The items of a trie. */
export const encodeTree = (items: Uint8Array): Uint8Array => sealed(items)

/** The items of a trie, or null for a row that is not what was written. */
export const treeIn = (row: Uint8Array): Uint8Array | null =>
  opened(
    row,
    () => {},
    (reader) => reader.raw(reader.remaining),
  )

/**
 * A record and its key, the version it was written in, and the session in which each sibling came, by the name of its
 * dot. A row of version 0.1.0 has no stamps, and counts as not received.
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

/** Stores a record, or deletes it where its version is null. */
export function recordWrite(
  hash: Uint8Array,
  stored: Omit<StoredRecord, 'version'>,
  version: Uint8Array | null,
): Write {
  return { key: recordRowAt(hash), value: version && encodeKeyedRecord({ ...stored, version }) }
}

/** A record and its key, or null for a row that is not there or is not what was written, of which `corrupt` hears. */
export function keyedRecordIn(bytes: Uint8Array | undefined, corrupt: () => void): StoredRecord | null {
  return opened(bytes, corrupt, (reader) => {
    const version = reader.raw(hashBytes)
    const key = reader.text(reader.remaining) as StoredKey
    const record = readRecord(reader)
    const found: Stamp[] = []
    while (reader.remaining > 0) found.push({ boot: reader.integer(), count: reader.integer() })
    // One stamp for several siblings, as between two releases, says nothing of any.
    const isOfEach = found.length === record.siblings.length
    const stamped = record.siblings.flatMap(({ dot }, at) =>
      isOfEach ? [[dotName(dot), found[at] as Stamp] as const] : [],
    )
    return { version, key, record, stamps: new Map(stamped) }
  })
}

/** What a row holds of a key; nothing where it is not there or cannot be read. */
export function recordIn(bytes: Uint8Array | undefined, corrupt: () => void): Record {
  return keyedRecordIn(bytes, corrupt)?.record ?? emptyRecord
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
  return sealed(writer.done())
}

/** The row that says that a hint is kept for a node, and what that hint takes. */
export function owedWrite(target: NodeId, key: StoredKey, bytes: number): Write {
  const writer = new ByteWriter()
  writer.integer(bytes)
  return { key: owedRow(target, key), value: writer.done() }
}

/** What a hint takes, by such a row. */
export const sizeIn = (row: Uint8Array): number => decodeWith(row, (reader) => reader.integer()) ?? 0

export function hintIn(bytes: Uint8Array | undefined, corrupt: () => void): Hint {
  const hint = opened(bytes, corrupt, (reader) => {
    const targets = reader.list(() => reader.hex(nodeHexDigits) as NodeId)
    return { targets, record: readRecord(reader) }
  })
  return hint ?? { record: emptyRecord, targets: [] }
}
