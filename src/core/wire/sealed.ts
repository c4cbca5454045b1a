/**
 * Sealed rows: bytes that are stored after a hash of them all, because disks forget and turn bits over.
 */
import { hashBytes, hashOf } from '../hash.ts'
import { type ByteReader, decodeWith } from './bytes.ts'

/** A row's bytes after a hash of them all: disks forget, and turn bits over. */
export function sealed(body: Uint8Array): Uint8Array {
  const row = new Uint8Array(hashBytes + body.length)
  row.set(hashOf(body))
  row.set(body, hashBytes)
  return row
}

/**
 * What `read` makes of a row, or null for one that is not there or is not what was written, of which `corrupt` hears.
 */
export function opened<T>(row: Uint8Array | undefined, corrupt: () => void, read: (reader: ByteReader) => T): T | null {
  if (row === undefined) return null
  const body = row.subarray(hashBytes)
  const isWhole = row.length >= hashBytes && hashOf(body).every((byte, index) => byte === row[index])
  const found = isWhole ? decodeWith(body, read) : null
  if (found === null) corrupt()
  return found
}
