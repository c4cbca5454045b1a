/**
 * Progress as bytes: what two nodes have received of each other (not in the paper).
 *
 * The encoding is the same on the wire and in the store.
 */

import type { ReceivedVector, Session } from '../acceptance/sessions.ts'
import { bounds } from '../bounds.ts'
import type { HybridTime, Partition } from '../ids.ts'
import { ByteWriter } from './bytes.ts'
import { type Codec, partitions, readNode } from './codec.ts'
import type { Account, ExchangeTerms, Grouped, Told } from './messages.ts'
import { readTime } from './record-codec.ts'

const tagHexDigits = 8

export const session: Codec<Session> = {
  write: (writer, { boot, tag, count }) => {
    writer.integer(boot)
    writer.hex(tag)
    writer.integer(count)
  },
  read: (reader) => ({ boot: reader.integer(), tag: reader.hex(tagHexDigits), count: reader.integer() }),
}

const vector: Codec<ReceivedVector> = {
  write: (writer, value) =>
    writer.list([...value], ([node, received]) => {
      writer.hex(node)
      session.write(writer, received)
    }),
  read: (reader) =>
    new Map(reader.list(() => [readNode(reader), session.read(reader)] as const, bounds.receivedNodesMax)),
}

/** A codec of values of partitions, each with all partitions that have it. */
export function groupedOf<T>(value: Codec<T>): Codec<Grouped<T>> {
  return {
    write: (writer, groups) =>
      writer.list(groups, ({ is, of }) => {
        value.write(writer, is)
        partitions.write(writer, of)
      }),
    read: (reader) => reader.list(() => ({ is: value.read(reader), of: partitions.read(reader) }), bounds.partitions),
  }
}

/**
 * Groups partitions by their values. Partitions for which `isOf` gives undefined are left out. Values are equal if
 * their bytes are.
 */
export function grouped<T>(
  all: readonly Partition[],
  codec: Codec<T>,
  isOf: (partition: Partition) => T | undefined,
): Grouped<T> {
  const groups = new Map<string, { readonly is: T; readonly of: Partition[] }>()
  const names = new Map<T, string>()
  for (const partition of all) {
    const is = isOf(partition)
    if (is === undefined) continue
    const name = names.get(is) ?? nameOf(codec, is)
    names.set(is, name)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, { is, of: [partition] })
    else group.of.push(partition)
  }
  return [...groups.values()]
}

function nameOf<T>(codec: Codec<T>, value: T): string {
  const writer = new ByteWriter()
  codec.write(writer, value)
  return String.fromCharCode(...writer.done())
}

/** The value of each partition. */
export function ungrouped<T>(groups: Grouped<T>): ReadonlyMap<Partition, T> {
  return new Map(groups.flatMap(({ is, of }) => of.map((partition) => [partition, is] as const)))
}

export const time: Codec<HybridTime> = { write: (writer, value) => writer.integer(value), read: readTime }

/** The state of a partition that a node stores, and tells to nodes that have received all of it. */
export const told: Codec<Told> = {
  write: (writer, { horizon, received }) => {
    time.write(writer, horizon)
    vector.write(writer, received)
  },
  read: (reader) => ({ horizon: time.read(reader), received: vector.read(reader) }),
}

const [toldOfEach, sessionOfEach, timeOfEach] = [groupedOf(told), groupedOf(session), groupedOf(time)]

export const account: Codec<Account> = {
  write: (writer, value) => {
    session.write(writer, value.session)
    time.write(writer, value.clock)
    toldOfEach.write(writer, value.kept)
  },
  read: (reader) => ({ session: session.read(reader), clock: time.read(reader), kept: toldOfEach.read(reader) }),
}

export const exchangeTerms: Codec<ExchangeTerms> = {
  write: (writer, { received, floors }) => {
    sessionOfEach.write(writer, received)
    timeOfEach.write(writer, floors)
  },
  read: (reader) => ({ received: sessionOfEach.read(reader), floors: timeOfEach.read(reader) }),
}
