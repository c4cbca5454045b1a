/**
 * Records, histories and contexts as bytes, the same on the wire and in the store (Dynamo, section 4.4).
 *
 * The encoding is canonical, with actors and dots in order: equal records have equal bytes.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bounds } from '../bounds.ts'
import { hashOf, tagOf } from '../hash.ts'
import { type ActorId, compareText, type Digest, type HybridTime, type StoredKey } from '../ids.ts'
import { type ActorHistory, actorsOf, type CausalHistory, compareDots } from '../versioning/causal-history.ts'
import type { SeenContext } from '../versioning/context.ts'
import type { Record, Sibling } from '../versioning/record.ts'
import { type ByteReader, ByteWriter, decodeWith } from './bytes.ts'

const actorHexDigits = 16
const kinds = { tombstone: 0, value: 1, 'expiring value': 2, expired: 3 } as const
const digestHexDigits = 32

/**
 * Times are written as differences to the earliest one. (Version 0.1.0 wrote a horizon there, earlier than all times.)
 */
function writeHistory(writer: ByteWriter, history: CausalHistory): void {
  const actors = actorsOf(history)
  const base = actors.reduce((least, [, { last }]) => Math.min(least, last), actors[0]?.[1].last ?? 0)
  writer.integer(base)
  writer.list(actors, ([actor, { upTo, beyond, last }]) => {
    writer.hex(actor)
    writer.integer(last - base)
    writer.integer(upTo)
    let counted = upTo
    writer.list(beyond, (counter) => {
      writer.integer(counter - counted)
      counted = counter
    })
  })
}

function readHistory(reader: ByteReader): CausalHistory {
  let lastActor = ''
  const base = readTime(reader)
  const actors = reader.list(() => {
    const actor = reader.hex(actorHexDigits) as ActorId
    if (compareText(lastActor, actor) >= 0) reader.fail()
    lastActor = actor
    return [actor, readActorHistory(reader, base)] as const
  })
  return { actors: new Map(actors) }
}

function readActorHistory(reader: ByteReader, base: HybridTime): ActorHistory {
  const last = (base + reader.integer(bounds.hybridTimeMax - base)) as HybridTime
  const upTo = reader.integer()
  let counted = upTo
  const beyond = reader.list(() => {
    const step = reader.integer()
    if (step < 1 || (counted === upTo && step < 2) || counted + step > Number.MAX_SAFE_INTEGER) reader.fail()
    counted += step
    return counted
  })
  if ((upTo === 0 && beyond.length === 0) || last < 1) reader.fail()
  return { upTo, beyond, last }
}

export const readTime = (reader: ByteReader): HybridTime => reader.integer(bounds.hybridTimeMax) as HybridTime

function writeSibling(writer: ByteWriter, sibling: Sibling): void {
  writer.hex(sibling.dot.actor)
  writer.integer(sibling.dot.counter)
  writer.integer(sibling.time)
  if (sibling.kind === 'tombstone') {
    writer.byte(kinds.tombstone)
    return
  }
  if (sibling.kind === 'expired') {
    writer.byte(kinds.expired)
    writer.integer(sibling.expiresAt)
    writer.hex(sibling.valueHash)
    return
  }
  writer.byte(sibling.expiresAt === null ? kinds.value : kinds['expiring value'])
  if (sibling.expiresAt !== null) writer.integer(sibling.expiresAt)
  writer.bytes(sibling.value)
}

function readSibling(reader: ByteReader): Sibling {
  const actor = reader.hex(actorHexDigits) as ActorId
  const counter = reader.integer()
  const written = { dot: { actor, counter }, time: readTime(reader) }
  if (counter < 1 || written.time < 1) reader.fail()
  const kind = reader.byte()
  if (kind === kinds.tombstone) return { kind: 'tombstone', ...written }
  if (kind === kinds.expired)
    return {
      kind: 'expired',
      ...written,
      expiresAt: reader.integer(),
      valueHash: reader.hex(digestHexDigits) as Digest,
    }
  if (kind > kinds.expired) reader.fail()
  const expiresAt = kind === kinds['expiring value'] ? reader.integer() : null
  return { kind: 'value', ...written, value: reader.bytes(bounds.valueBytesMax), expiresAt }
}

export function writeRecord(writer: ByteWriter, record: Record): void {
  writeHistory(writer, record.history)
  writer.list(record.siblings, (sibling) => writeSibling(writer, sibling))
}

export function readRecord(reader: ByteReader): Record {
  const history = readHistory(reader)
  let last: Sibling | undefined
  const siblings = reader.list(() => {
    const sibling = readSibling(reader)
    if (last !== undefined && compareDots(last.dot, sibling.dot) >= 0) reader.fail()
    last = sibling
    return sibling
  })
  return { history, siblings }
}

export function encodeRecord(record: Record): Uint8Array {
  const writer = new ByteWriter()
  writeRecord(writer, record)
  return writer.done()
}

/** The record, or null if the bytes are malformed. */
export function decodeRecord(bytes: Uint8Array): Record | null {
  return decodeWith(bytes, readRecord)
}

/**
 * The version that replicas compare: dots and values of the siblings. Histories may differ between equal replicas, so
 * they are left out.
 */
export function versionOf(record: Record): Uint8Array {
  const writer = new ByteWriter()
  for (const { dot, ...sibling } of record.siblings) {
    writer.hex(dot.actor)
    writer.integer(dot.counter)
    if (sibling.kind === 'value') writer.raw(hashOf(sibling.value))
    if (sibling.kind === 'expired') writer.hex(sibling.valueHash)
  }
  return hashOf(writer.done())
}

const contextVersion = 3

/**
 * The tag of a key in its contexts. Counters run per key, so one dot names different writes of different keys: a
 * context is valid for its own key only.
 */
const keyTagOf = (key: StoredKey): string => tagOf(key).slice(0, 16)

/** A context as text, in hex: a version, the key's tag, then the context. An application may store it anywhere. */
export function encodeContext(key: StoredKey, context: SeenContext): string {
  const writer = new ByteWriter()
  writer.byte(contextVersion)
  writer.hex(keyTagOf(key))
  writer.integer(context.time)
  writer.integer(context.horizon)
  writeHistory(writer, context.history)
  const actors = actorsOf(context.history).map(([actor]) => actor)
  const siblings = context.siblings.map((actor) => actors.indexOf(actor)).sort((a, b) => a - b)
  writer.list(siblings, (at) => writer.integer(at))
  return bytesToHex(writer.done())
}

/** The context, or null if the text is malformed, or belongs to another key. */
export function decodeContext(key: StoredKey, text: string): SeenContext | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]+$/.test(text)) return null
  return decodeWith(hexToBytes(text), (reader) => {
    if (reader.byte() !== contextVersion || reader.hex(16) !== keyTagOf(key)) return null
    const [time, horizon] = [readTime(reader), readTime(reader)]
    const history = readHistory(reader)
    const actors = [...history.actors.keys()]
    const siblings = reader.list(() => {
      const actor = actors[reader.integer(actors.length)]
      if (actor === undefined) reader.fail()
      return actor ?? ('' as ActorId)
    })
    return { time, horizon, history, siblings }
  })
}
