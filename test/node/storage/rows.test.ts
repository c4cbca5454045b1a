/**
 * The stamps of a row: one for each sibling, in the order of siblings. Rows from before that are read safely: a stamp
 * that cannot be told apart says nothing.
 */
import { describe, expect, test } from 'vitest'
import type { Stamp } from '../../../src/core/acceptance/sessions.ts'
import { hashBytes } from '../../../src/core/hash.ts'
import { dotName } from '../../../src/core/versioning/causal-history.ts'
import { emptyRecord, join, type Record } from '../../../src/core/versioning/record.ts'
import { ByteWriter } from '../../../src/core/wire/bytes.ts'
import { writeRecord } from '../../../src/core/wire/record-codec.ts'
import { sealed } from '../../../src/core/wire/sealed.ts'
import { encodeKeyedRecord, keyedRecordIn, stampsOf } from '../../../src/node/storage/rows.ts'
import { keyNamed } from '../replica-fixture.ts'
import { written } from '../written.ts'

const [first, second] = [written(1), written(2)]
const both = join(first, second)
const [version, key] = [new Uint8Array(hashBytes), keyNamed('key')]
const at = (count: number): Stamp => ({ boot: 300, count })
const readOf = (row: Uint8Array) => {
  const stored = keyedRecordIn(row, () => {
    throw new Error('the row is whole')
  })
  return stored?.record.siblings.map(({ dot }) => stored.stamps.get(dotName(dot))?.count)
}

describe('a row gives back the stamp of each sibling', () => {
  test.each([
    ['one', first, stampsOf(first, at(7)), [7]],
    ['two', both, stampsOf(both, at(9), stampsOf(first, at(7))), [7, 9]],
    ['none', emptyRecord, stampsOf(emptyRecord, at(7)), []],
    ['one that is left of two', second, stampsOf(both, at(9), stampsOf(first, at(7))), [9]],
    ['two of which one has none', both, stampsOf(first, at(7)), [undefined, undefined]],
  ] as const)('%s', (_, record, stamps, expected) => {
    expect(readOf(encodeKeyedRecord({ key, version, record, stamps }))).toEqual(expected)
  })
})

/** A row as it was written while a whole row had one stamp, or none at all. */
function formerRow(record: Record, stamp: Stamp | null): Uint8Array {
  const writer = new ByteWriter()
  writer.raw(version)
  writer.text(key)
  writeRecord(writer, record)
  for (const each of stamp === null ? [] : [stamp.boot, stamp.count]) writer.integer(each)
  return sealed(writer.done())
}

describe('a row from before stamps of siblings', () => {
  test.each([
    ['of 0.1.0 has none', both, null, [undefined, undefined]],
    ['with one sibling has the stamp of that', first, at(7), [7]],
    ['with two siblings has none: its one stamp is of either', both, at(7), [undefined, undefined]],
    ['with no sibling has none', emptyRecord, at(7), []],
  ] as const)('%s', (_, record, stamp, expected) => {
    expect(readOf(formerRow(record, stamp))).toEqual(expected)
  })
})
