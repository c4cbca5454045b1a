/**
 * Messages between nodes as bytes (not in the paper). Decoding is total: bytes of a peer give a message or null, never
 * an exception.
 *
 * One table row per kind of message holds its writer and its reader side by side, so that they cannot drift apart.
 */
import { bounds } from '../bounds.ts'
import type { Partition, StoredKey } from '../ids.ts'
import { parseStoredKey } from '../stored-key.ts'
import { type ByteReader, ByteWriter, decodeWith } from './bytes.ts'
import {
  type Codec,
  oneOf,
  partitions,
  type Rows,
  readNode,
  readPeer,
  readTagged,
  readView,
  truth,
  writeTagged,
} from './codec.ts'
import { hello } from './hello-codec.ts'
import { claims, swim } from './membership-codec.ts'
import type { FailureCode, KeyedRecord, Message, Reply, Request } from './messages.ts'
import { countings, reasons } from './messages.ts'
import { account, exchangeTerms } from './progress-codec.ts'
import { readRecord, readTime, writeRecord } from './record-codec.ts'

const storedKeyBytesMax = bounds.keyBytesMax + bounds.collectionBytesMax + bounds.groupBytesMax + 3
const reasonBytesMax = 1024

function readKey(reader: ByteReader): StoredKey {
  const text = reader.text(storedKeyBytesMax)
  if (parseStoredKey(text) === null) reader.fail()
  return text as StoredKey
}

/** A name, or null for an empty text. */
function readNext(reader: ByteReader): StoredKey | null {
  const text = reader.text(storedKeyBytesMax)
  if (text === '') return null
  if (parseStoredKey(text) === null) reader.fail()
  return text as StoredKey
}

const failureCode = oneOf<FailureCode>(['storage-full', 'storage-failed', 'closed', 'overloaded'])
const standing = oneOf(['owner', 'syncing', 'hint'] as const)
const reason = oneOf(reasons)
const counting = oneOf(countings)

const keyedRecord: Codec<KeyedRecord> = {
  write: (writer, { key, record }) => {
    writer.text(key)
    writeRecord(writer, record)
  },
  read: (reader) => ({ key: readKey(reader), record: readRecord(reader) }),
}

const keyedRecords: Codec<readonly KeyedRecord[]> = {
  write: (writer, entries) => writer.list(entries, (entry) => keyedRecord.write(writer, entry)),
  read: (reader) => reader.list(() => keyedRecord.read(reader), bounds.batchRecordsMax),
}

/** Records that move. `received`: siblings that the receiver had received before, by their places among all of them. */
const moved: Codec<Pick<Extract<Request, { type: 'deliver' }>, 'entries' | 'received'>> = {
  write: (writer, { entries, received }) => {
    keyedRecords.write(writer, entries)
    writer.list(received, (at) => writer.integer(at))
  },
  read: (reader) => {
    const entries = keyedRecords.read(reader)
    const siblings = entries.reduce((sum, { record }) => sum + record.siblings.length, 0)
    return { entries, received: reader.list(() => reader.integer(siblings - 1), siblings) }
  },
}

const members: Codec<Extract<Request, { type: 'members' }>> = {
  write: (writer, value) => {
    writer.hex(value.digest)
    claims.write(writer, value.claims)
  },
  read: (reader) => ({ type: 'members', digest: readView(reader), claims: claims.read(reader) }),
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
  scan: {
    write: (writer, { partition, prefixes, from, limit }) => {
      writer.integer(partition)
      writer.list(prefixes, (prefix) => writer.text(prefix))
      writer.text(from)
      writer.integer(limit)
    },
    read: (reader) => ({
      type: 'scan',
      partition: reader.integer(bounds.partitions - 1) as Partition,
      prefixes: reader.list(() => reader.text(storedKeyBytesMax), 2),
      from: reader.text(storedKeyBytesMax),
      limit: reader.integer(bounds.batchRecordsMax),
    }),
  },
  follow: {
    write: (writer, request) => partitions.write(writer, request.partitions),
    read: (reader) => ({ type: 'follow', partitions: partitions.read(reader) }),
  },
  changed: {
    write: (writer, { entries }) => keyedRecords.write(writer, entries),
    read: (reader) => ({ type: 'changed', entries: keyedRecords.read(reader) }),
  },
  ephemeral: {
    write: (writer, { topic, body }) => {
      writer.text(topic)
      writer.bytes(body)
    },
    read: (reader) => ({
      type: 'ephemeral',
      topic: reader.text(bounds.topicBytesMax),
      body: reader.bytes(bounds.ephemeralBytesMax),
    }),
  },
  members,
  deliver: {
    write: (writer, request) => {
      reason.write(writer, request.why)
      moved.write(writer, request)
    },
    read: (reader) => ({ type: 'deliver', why: reason.read(reader), ...moved.read(reader) }),
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
  terms: {
    write: (writer, { session, of, terms }) => {
      writer.integer(session)
      partitions.write(writer, of)
      exchangeTerms.write(writer, terms)
    },
    read: (reader) => ({
      type: 'terms',
      session: reader.integer(),
      of: partitions.read(reader),
      terms: exchangeTerms.read(reader),
    }),
  },
  settled: {
    write: (writer, message) => {
      writer.integer(message.session)
      partitions.write(writer, message.partitions)
      partitions.write(writer, message.back)
      account.write(writer, message.account)
    },
    read: (reader) => ({
      type: 'settled',
      session: reader.integer(),
      partitions: partitions.read(reader),
      back: partitions.read(reader),
      account: account.read(reader),
    }),
  },
}

const replies: Rows<Reply, 'type'> = {
  stored: {
    write: (writer, value) => standing.write(writer, value.standing),
    read: (reader) => ({ type: 'stored', standing: standing.read(reader) }),
  },
  record: {
    write: (writer, { record, horizon, floor, counts, sources }) => {
      writeRecord(writer, record)
      writer.integer(horizon)
      writer.integer(floor)
      counting.write(writer, counts)
      writer.list(sources, (node) => writer.hex(node))
    },
    read: (reader) => ({
      type: 'record',
      record: readRecord(reader),
      horizon: readTime(reader),
      floor: readTime(reader),
      counts: counting.read(reader),
      sources: reader.list(() => readNode(reader), bounds.membersMax),
    }),
  },
  scanned: {
    write: (writer, { entries, next, floor, counts, sources }) => {
      keyedRecords.write(writer, entries)
      writer.text(next ?? '')
      writer.integer(floor)
      counting.write(writer, counts)
      writer.list(sources, (node) => writer.hex(node))
    },
    read: (reader) => ({
      type: 'scanned',
      entries: keyedRecords.read(reader),
      next: readNext(reader),
      floor: readTime(reader),
      counts: counting.read(reader),
      sources: reader.list(() => readNode(reader), bounds.membersMax),
    }),
  },
  following: {
    write: (writer, { whole }) => partitions.write(writer, whole),
    read: (reader) => ({ type: 'following', whole: partitions.read(reader) }),
  },
  heard: { write: () => {}, read: () => ({ type: 'heard' }) },
  members,
  reconciled: {
    write: (writer, { body }) => writer.bytes(body),
    read: (reader) => ({ type: 'reconciled', body: reader.bytes(bounds.messageBytesMax) }),
  },
  records: {
    write: (writer, reply) => {
      moved.write(writer, reply)
      writer.integer(reply.considered)
    },
    read: (reader) => ({
      type: 'records',
      ...moved.read(reader),
      considered: reader.integer(bounds.batchRecordsMax),
    }),
  },
  taken: {
    write: (writer, { overwritten }) => keyedRecords.write(writer, overwritten),
    read: (reader) => ({ type: 'taken', overwritten: keyedRecords.read(reader) }),
  },
  terms: {
    write: (writer, { terms }) => exchangeTerms.write(writer, terms),
    read: (reader) => ({ type: 'terms', terms: exchangeTerms.read(reader) }),
  },
  settled: {
    write: (writer, reply) => account.write(writer, reply.account),
    read: (reader) => ({ type: 'settled', account: account.read(reader) }),
  },
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
      return { kind: 'reply', id, view, body: readTagged<Reply, 'type'>(replies, reader) ?? noReply }
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

/** Placeholders for a body that cannot be read. The reader has failed by then, so the message is dropped. */
const noReply: Reply = { type: 'reconciled', body: new Uint8Array(0) }
const nothing: Request = { type: 'fetch', hashes: new Uint8Array(0) }

export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter()
  writeTagged(messages, 'kind', writer, message)
  return writer.done()
}

/** The message, or null if the bytes are malformed. */
export function decodeMessage(bytes: Uint8Array): Message | null {
  return decodeWith(bytes, (reader) => readTagged<Message, 'kind'>(messages, reader))
}
