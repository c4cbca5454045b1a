/**
 * Messages between nodes as bytes. Decoding is total: bytes from a peer give a message or null, never an exception.
 *
 * One table row per kind of message holds its writer and its reader side by side, so that they cannot drift apart.
 */
import { bounds } from '../bounds.ts'
import type { ActorId, DeviceId, NodeId, Partition, PeerId, StoredKey, ViewHash } from '../ids.ts'
import { type Claim, memberStatuses } from '../membership/claims.ts'
import type { News } from '../membership/news.ts'
import { type SwimMessage, swimMessageTypes } from '../membership/swim-port.ts'
import { parseStoredKey } from '../versioning/stored-key.ts'
import { type ByteReader, ByteWriter, decodeWith } from './bytes.ts'
import { readCells, writeCells } from './cells.ts'
import type { FailureCode, Hello, KeyedRecord, Message, Reply, Request } from './messages.ts'
import { countings } from './messages.ts'
import { readRecord, writeRecord } from './record-codec.ts'

const digits = { node: 32, boot: 16, peer: 16, view: 16, tag: 32 } as const
const storedKeyBytesMax = bounds.keyBytesMax + bounds.collectionBytesMax + 2
const reasonBytesMax = 1024

/** How one shape is written and read. */
interface Codec<T> {
  readonly write: (writer: ByteWriter, value: T) => void
  readonly read: (reader: ByteReader) => T
}

/** A codec of a union that is told apart by `tag`; the position in `rows` is what goes on the wire. */
type Rows<T extends object, K extends keyof T> = {
  readonly [V in T[K] & string]: Codec<Extract<T, { readonly [P in K]: V }>>
}

function writeTagged<T extends object, K extends keyof T & string>(
  rows: Rows<T, K>,
  tag: K,
  writer: ByteWriter,
  value: T,
): void {
  const name = value[tag] as T[K] & string
  writer.byte(Object.keys(rows).indexOf(name))
  // The row was chosen by the value's own tag, which TypeScript cannot follow through the index.
  const row = rows[name] as unknown as Codec<T>
  row.write(writer, value)
}

function readTagged<T extends object, K extends keyof T & string>(rows: Rows<T, K>, reader: ByteReader): T | null {
  const row = (Object.values(rows) as Codec<T>[])[reader.byte()]
  if (row === undefined || reader.failed) {
    reader.fail()
    return null
  }
  return row.read(reader)
}

const readNode = (reader: ByteReader) => reader.hex(digits.node) as NodeId
const readPeer = (reader: ByteReader) => reader.hex(digits.peer) as PeerId
const readView = (reader: ByteReader) => reader.hex(digits.view) as ViewHash

function readKey(reader: ByteReader): StoredKey {
  const text = reader.text(storedKeyBytesMax)
  if (parseStoredKey(text) === null) reader.fail()
  return text as StoredKey
}

function oneOf<T extends string>(names: readonly T[]): Codec<T> {
  return {
    write: (writer, name) => writer.byte(names.indexOf(name)),
    read: (reader) => {
      const name = names[reader.byte()]
      if (name === undefined) reader.fail()
      return name ?? (names[0] as T)
    },
  }
}

const status = oneOf(memberStatuses)
const failureCode = oneOf<FailureCode>(['storage-full', 'storage-failed', 'closed', 'overloaded'])
const standing = oneOf(['owner', 'syncing', 'hint'] as const)
const durability = oneOf(['relaxed', 'strict'] as const)
const truth = oneOf(['no', 'yes'] as const)
const counting = oneOf(countings)

const claim: Codec<Claim> = {
  write: (writer, value) => {
    writer.hex(value.node)
    writer.hex(value.peer)
    writer.text(value.device)
    writer.integer(value.capacity16ths)
    truth.write(writer, value.guest ? 'yes' : 'no')
    writer.integer(value.speaks)
    writer.integer(value.incarnation)
    status.write(writer, value.status)
  },
  read: (reader) => {
    const node = readNode(reader)
    const peer = readPeer(reader)
    const device = reader.text(bounds.deviceBytesMax) as DeviceId
    const capacity16ths = reader.integer(bounds.capacityMax * 16)
    if (capacity16ths < bounds.capacityMin * 16) reader.fail()
    return {
      node,
      peer,
      device,
      capacity16ths,
      guest: truth.read(reader) === 'yes',
      speaks: reader.integer(bounds.speaksMax),
      incarnation: reader.integer(bounds.incarnationMax),
      status: status.read(reader),
    }
  },
}

const hello: Codec<Hello> = {
  write: (writer, value) => {
    writer.integer(value.protocolVersion)
    writer.hex(value.cluster)
    writer.integer(value.n)
    writer.integer(value.partitions)
    writer.integer(value.tokensPerNode)
    writer.hex(value.node)
    writer.hex(value.boot)
  },
  read: (reader) => ({
    protocolVersion: reader.integer(),
    cluster: reader.hex(digits.tag),
    n: reader.integer(),
    partitions: reader.integer(),
    tokensPerNode: reader.integer(),
    node: readNode(reader),
    boot: reader.hex(digits.boot) as ActorId,
  }),
}

const keyedRecord: Codec<KeyedRecord> = {
  write: (writer, { key, record }) => {
    writer.text(key)
    writeRecord(writer, record)
  },
  read: (reader) => ({ key: readKey(reader), record: readRecord(reader) }),
}

const partitions: Codec<readonly Partition[]> = {
  write: (writer, value) => writeCells(writer, value, bounds.partitions),
  read: (reader) => readCells(reader, bounds.partitions) as readonly Partition[],
}

const claims: Codec<readonly Claim[]> = {
  write: (writer, value) => writer.list(value, (item) => claim.write(writer, item)),
  read: (reader) => reader.list(() => claim.read(reader), bounds.membersMax),
}

const members: Codec<Extract<Request, { type: 'members' }>> = {
  write: (writer, value) => {
    writer.hex(value.digest)
    claims.write(writer, value.claims)
  },
  read: (reader) => ({ type: 'members', digest: readView(reader), claims: claims.read(reader) }),
}

const news: Codec<readonly News[]> = {
  write: (writer, value) =>
    writer.list(value, (item) => {
      claim.write(writer, item.claim)
      writer.hex(item.by)
    }),
  read: (reader) =>
    reader.list(
      () => ({ claim: claim.read(reader), by: readNode(reader) }),
      bounds.newsPerMessageMax + bounds.remindersMax,
    ),
}

const swimType = oneOf(swimMessageTypes)
const swim: Codec<SwimMessage> = {
  write: (writer, value) => {
    swimType.write(writer, value.type)
    writer.integer(value.sequence)
    writer.list(value.target === null ? [] : [value.target], (node) => writer.hex(node))
    news.write(writer, value.news)
  },
  read: (reader) => ({
    type: swimType.read(reader),
    sequence: reader.integer(),
    target: reader.list(() => readNode(reader), 1)[0] ?? null,
    news: news.read(reader),
  }),
}

const requests: Rows<Request, 'type'> = {
  put: {
    write: (writer, { key, delta, hintFor }) => {
      keyedRecord.write(writer, { key, record: delta })
      writer.list(hintFor, (node) => writer.hex(node))
    },
    read: (reader) => {
      const { key, record } = keyedRecord.read(reader)
      return { type: 'put', key, delta: record, hintFor: reader.list(() => readNode(reader), bounds.nMax) }
    },
  },
  get: {
    write: (writer, { key }) => writer.text(key),
    read: (reader) => ({ type: 'get', key: readKey(reader) }),
  },
  members,
  deliver: {
    write: (writer, { how, entries }) => {
      durability.write(writer, how)
      writer.list(entries, (entry) => keyedRecord.write(writer, entry))
    },
    read: (reader) => ({
      type: 'deliver',
      how: durability.read(reader),
      entries: reader.list(() => keyedRecord.read(reader), bounds.batchRecordsMax),
    }),
  },
  reconcile: {
    write: (writer, { session, scope, body }) => {
      writer.integer(session)
      truth.write(writer, scope === null ? 'no' : 'yes')
      if (scope !== null) partitions.write(writer, scope)
      writer.bytes(body)
    },
    read: (reader) => ({
      type: 'reconcile',
      session: reader.integer(),
      scope: truth.read(reader) === 'yes' ? partitions.read(reader) : null,
      body: reader.bytes(bounds.messageBytesMax),
    }),
  },
  fetch: {
    write: (writer, { hashes }) => writer.bytes(hashes),
    read: (reader) => ({ type: 'fetch', hashes: reader.bytes(bounds.batchRecordsMax * 16) }),
  },
  settled: {
    write: (writer, message) => {
      writer.integer(message.session)
      partitions.write(writer, message.partitions)
      partitions.write(writer, message.back)
    },
    read: (reader) => ({
      type: 'settled',
      session: reader.integer(),
      partitions: partitions.read(reader),
      back: partitions.read(reader),
    }),
  },
}

const replies: Rows<Reply, 'type'> = {
  stored: {
    write: (writer, value) => standing.write(writer, value.standing),
    read: (reader) => ({ type: 'stored', standing: standing.read(reader) }),
  },
  record: {
    write: (writer, { record, counts, sources }) => {
      writeRecord(writer, record)
      counting.write(writer, counts)
      writer.list(sources, (node) => writer.hex(node))
    },
    read: (reader) => ({
      type: 'record',
      record: readRecord(reader),
      counts: counting.read(reader),
      sources: reader.list(() => readNode(reader), bounds.membersMax),
    }),
  },
  members,
  reconciled: {
    write: (writer, { body }) => writer.bytes(body),
    read: (reader) => ({ type: 'reconciled', body: reader.bytes(bounds.messageBytesMax) }),
  },
  records: {
    write: (writer, { entries, considered }) => {
      writer.list(entries, (entry) => keyedRecord.write(writer, entry))
      writer.integer(considered)
    },
    read: (reader) => ({
      type: 'records',
      entries: reader.list(() => keyedRecord.read(reader), bounds.batchRecordsMax),
      considered: reader.integer(bounds.batchRecordsMax),
    }),
  },
  done: { write: () => {}, read: () => ({ type: 'done' }) },
  failed: {
    write: (writer, { code }) => failureCode.write(writer, code),
    read: (reader) => ({ type: 'failed', code: failureCode.read(reader) }),
  },
}

const messages: Rows<Message, 'kind'> = {
  hello: {
    write: (writer, message) => hello.write(writer, message.hello),
    read: (reader) => ({ kind: 'hello', hello: hello.read(reader) }),
  },
  refuse: {
    write: (writer, { reason }) => writer.text(reason),
    read: (reader) => ({ kind: 'refuse', reason: reader.text(reasonBytesMax) }),
  },
  request: {
    write: (writer, { id, view, body }) => {
      writer.integer(id)
      writer.hex(view)
      writeTagged(requests, 'type', writer, body)
    },
    read: (reader) => {
      const id = reader.integer()
      const view = readView(reader)
      return { kind: 'request', id, view, body: readTagged<Request, 'type'>(requests, reader) ?? nothing }
    },
  },
  reply: {
    write: (writer, { id, view, body }) => {
      writer.integer(id)
      writer.hex(view)
      writeTagged(replies, 'type', writer, body)
    },
    read: (reader) => {
      const id = reader.integer()
      const view = readView(reader)
      return { kind: 'reply', id, view, body: readTagged<Reply, 'type'>(replies, reader) ?? { type: 'done' } }
    },
  },
  swim: {
    write: (writer, { view, body }) => {
      writer.hex(view)
      swim.write(writer, body)
    },
    read: (reader) => ({ kind: 'swim', view: readView(reader), body: swim.read(reader) }),
  },
  signal: {
    write: (writer, { from, to, body }) => {
      writer.hex(from)
      writer.hex(to)
      writer.text(body)
    },
    read: (reader) => ({
      kind: 'signal',
      from: readPeer(reader),
      to: readPeer(reader),
      body: reader.text(bounds.signalingMessageCharsMax),
    }),
  },
  unsignaled: {
    write: (writer, { to, body }) => {
      writer.hex(to)
      writer.text(body)
    },
    read: (reader) => ({
      kind: 'unsignaled',
      to: readPeer(reader),
      body: reader.text(bounds.signalingMessageCharsMax),
    }),
  },
  relay: {
    write: (writer, { from, to, message }) => {
      writer.hex(from)
      writer.hex(to)
      writer.bytes(message)
    },
    read: (reader) => ({
      kind: 'relay',
      from: readNode(reader),
      to: readNode(reader),
      message: reader.bytes(bounds.messageBytesMax),
    }),
  },
  unrelayed: {
    write: (writer, { to }) => writer.hex(to),
    read: (reader) => ({ kind: 'unrelayed', to: readNode(reader) }),
  },
  part: { write: () => {}, read: () => ({ kind: 'part' }) },
}

/** Stands where a body could not be read; the reader has failed by then, so nobody sees it. */
const nothing: Request = { type: 'settled', session: 0, partitions: [], back: [] }

export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter()
  writeTagged(messages, 'kind', writer, message)
  return writer.done()
}

/** The message, or null if the bytes are none. */
export function decodeMessage(bytes: Uint8Array): Message | null {
  return decodeWith(bytes, (reader) => readTagged<Message, 'kind'>(messages, reader))
}

/** A member list as it is kept in the store. */
export function encodeClaims(list: readonly Claim[]): Uint8Array {
  const writer = new ByteWriter()
  claims.write(writer, list)
  return writer.done()
}

/** The member list, or null if the bytes are none. */
export function decodeClaims(bytes: Uint8Array): readonly Claim[] | null {
  return decodeWith(bytes, (reader) => claims.read(reader))
}
