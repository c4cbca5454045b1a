/**
 * The hello as bytes (not in the paper). Of another protocol version, only that version can be read.
 */
import { bounds } from '../bounds.ts'
import type { ActorId, NodeId } from '../ids.ts'
import { type Codec, digits, partitions, readNode } from './codec.ts'
import type { Hello } from './messages.ts'

/** The other fields of a hello of another protocol version: they cannot be read, and are not needed to refuse it. */
const foreign = {
  cluster: '',
  n: 0,
  partitions: 0,
  tokensPerNode: 0,
  graceMs: 0,
  retentionMs: 0,
  held: [],
  node: '' as NodeId,
  boot: '' as ActorId,
}

export const hello: Codec<Hello> = {
  write: (writer, value) => {
    writer.integer(value.protocolVersion)
    writer.hex(value.cluster)
    writer.integer(value.n)
    writer.integer(value.partitions)
    writer.integer(value.tokensPerNode)
    writer.integer(value.graceMs)
    writer.integer(value.retentionMs)
    partitions.write(writer, value.held)
    writer.hex(value.node)
    writer.hex(value.boot)
  },
  read: (reader) => {
    const protocolVersion = reader.integer()
    if (protocolVersion !== bounds.protocolVersion) {
      reader.raw(reader.remaining)
      return { protocolVersion, ...foreign }
    }
    return {
      protocolVersion,
      cluster: reader.hex(digits.tag),
      n: reader.integer(),
      partitions: reader.integer(),
      tokensPerNode: reader.integer(),
      graceMs: reader.integer(),
      retentionMs: reader.integer(bounds.retentionMsMax),
      held: partitions.read(reader),
      node: readNode(reader),
      boot: reader.hex(digits.boot) as ActorId,
    }
  },
}
