/**
 * Codecs of single shapes, and of unions told apart by a tag (not in the paper).
 *
 * The writer and the reader of each shape stand side by side, so that they cannot drift apart.
 */

import { bounds } from '../bounds.ts'
import type { NodeId, Partition, PeerId, ViewHash } from '../ids.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'
import { readCells, writeCells } from './cells.ts'

export const digits = { node: 32, boot: 16, peer: 16, view: 16, tag: 32 } as const

/** The writer and the reader of one shape. */
export interface Codec<T> {
  readonly write: (writer: ByteWriter, value: T) => void
  readonly read: (reader: ByteReader) => T
}

/** Codecs of a union's members. The position of a row is the tag's byte on the wire. */
export type Rows<T extends object, K extends keyof T> = {
  readonly [V in T[K] & string]: Codec<Extract<T, { readonly [P in K]: V }>>
}

export function writeTagged<T extends object, K extends keyof T & string>(
  rows: Rows<T, K>,
  tag: K,
  writer: ByteWriter,
  value: T,
): void {
  const name = value[tag] as T[K] & string
  writer.byte(Object.keys(rows).indexOf(name))
  // The value's own tag chose the row. TypeScript cannot follow that through the index.
  const row = rows[name] as unknown as Codec<T>
  row.write(writer, value)
}

export function readTagged<T extends object, K extends keyof T & string>(
  rows: Rows<T, K>,
  reader: ByteReader,
): T | null {
  const row = (Object.values(rows) as Codec<T>[])[reader.byte()]
  if (row === undefined || reader.failed) {
    reader.fail()
    return null
  }
  return row.read(reader)
}

export const readNode = (reader: ByteReader) => reader.hex(digits.node) as NodeId
export const readPeer = (reader: ByteReader) => reader.hex(digits.peer) as PeerId
export const readView = (reader: ByteReader) => reader.hex(digits.view) as ViewHash

export function oneOf<T extends string>(names: readonly T[]): Codec<T> {
  return {
    write: (writer, name) => writer.byte(names.indexOf(name)),
    read: (reader) => {
      const name = names[reader.byte()]
      if (name === undefined) reader.fail()
      return name ?? (names[0] as T)
    },
  }
}

export const truth: Codec<'no' | 'yes'> = oneOf(['no', 'yes'] as const)

export const partitions: Codec<readonly Partition[]> = {
  write: (writer, value) => writeCells(writer, value, bounds.partitions),
  read: (reader) => readCells(reader, bounds.partitions) as readonly Partition[],
}
