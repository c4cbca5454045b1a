/**
 * Stored: what a disk holds of a key, read as it lies there.
 */
import type { StoredKey } from '../../src/core/ids.ts'
import { names } from '../../src/core/versioning/causal-history.ts'
import { type Hint, hintIn, hintRow, recordIn, recordRow } from '../../src/node/storage/rows.ts'
import { rowName } from '../../src/ports.ts'
import type { Operation } from './history.ts'
import { dotNamed, keyNamed } from './keys.ts'
import type { Disk } from './sim-store.ts'

interface Stored {
  readonly record: Hint['record']
  readonly hint: Hint['record']
  readonly targets: Hint['targets']
}

/** As a record, and as a hint, and whom that is for; nothing where a row cannot be read. */
export function stored({ rows }: Disk, key: StoredKey): Stored {
  const bytesIn = (row: string) => rows.get(row)?.value
  const record = recordIn(bytesIn(rowName(recordRow(key))), () => {})
  const { record: hint, targets } = hintIn(bytesIn(rowName(hintRow(key))), () => {})
  return { record, hint, targets }
}

/** The writes among these that a disk holds, or holds the names of. */
export function vidsOn(disk: Disk, operations: readonly Operation[]): ReadonlySet<string> {
  const found = new Map<string, Stored>()
  const isThere = ({ key, dot }: Operation) => {
    const held = found.get(key) ?? stored(disk, keyNamed(key))
    found.set(key, held)
    if (dot === undefined) return false
    return names(held.record.history, dotNamed(dot)) || names(held.hint.history, dotNamed(dot))
  }
  return new Set(operations.flatMap((each) => (each.vid !== undefined && isThere(each) ? [each.vid] : [])))
}
