/**
 * Claims, news and SWIM messages as bytes, on the wire and in the store (Dynamo, section 4.8).
 *
 * Every list and number is bounded as it is read.
 */
import { bounds } from '../bounds.ts'
import type { DeviceId } from '../ids.ts'
import { type Claim, memberStatuses, storageStates } from '../membership/claims.ts'
import type { News } from '../membership/news.ts'
import { type SwimMessage, swimMessageTypes } from '../membership/swim-port.ts'
import { ByteWriter, decodeWith } from './bytes.ts'
import { type Codec, oneOf, readNode, readPeer, truth } from './codec.ts'

const status = oneOf(memberStatuses)
const storage = oneOf(storageStates)

const claim: Codec<Claim> = {
  write: (writer, value) => {
    writer.hex(value.node)
    writer.hex(value.peer)
    writer.text(value.device)
    writer.integer(value.capacity16ths)
    truth.write(writer, value.guest ? 'yes' : 'no')
    truth.write(writer, value.settled ? 'yes' : 'no')
    storage.write(writer, value.storage)
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
      settled: truth.read(reader) === 'yes',
      storage: storage.read(reader),
      speaks: reader.integer(bounds.speaksMax),
      incarnation: reader.integer(bounds.incarnationMax),
      status: status.read(reader),
    }
  },
}

export const claims: Codec<readonly Claim[]> = {
  write: (writer, value) => writer.list(value, (item) => claim.write(writer, item)),
  read: (reader) => reader.list(() => claim.read(reader), bounds.membersMax),
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
export const swim: Codec<SwimMessage> = {
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

/** The bytes of a member list, for the store. */
export function encodeClaims(list: readonly Claim[]): Uint8Array {
  const writer = new ByteWriter()
  claims.write(writer, list)
  return writer.done()
}

/** The member list, or null if the bytes are malformed. */
export function decodeClaims(bytes: Uint8Array): readonly Claim[] | null {
  return decodeWith(bytes, (reader) => claims.read(reader))
}
