/**
 * Sealed rows: bytes stored behind a hash of them all (not in the paper).
 *
 * Disks lose rows and flip bits, and the hash shows it.
 */
import { hashBytes, hashOf } from '../hash.ts'
import { type ByteReader, decodeWith } from './bytes.ts'

/** The row that stores `body`: its hash, then its bytes. */
export function sealed(body: Uint8Array): Uint8Array {
  const row = new Uint8Array(hashBytes + body.length)
  row.set(hashOf(body))
  row.set(body, hashBytes)
  return row
}

/**
 * The content of a row as `read` decodes it. Null for a missing row. Null as well for a damaged one, which is reported
 * to `corrupt`.
 */
export function opened<T>(row: Uint8Array | undefined, corrupt: () => void, read: (reader: ByteReader) => T): T | null {
  if (row === undefined) return null
  const body = row.subarray(hashBytes)
  const isWhole = row.length >= hashBytes && hashOf(body).every((byte, index) => byte === row[index])
  const found = isWhole ? decodeWith(body, read) : null
  if (found === null) corrupt()
  return found
}
