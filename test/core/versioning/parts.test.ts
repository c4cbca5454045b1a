/**
 * A record in parts is the record: whatever comes first, and whatever comes twice.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HybridTime } from '../../../src/core/ids.ts'
import { dotName, emptyHistory, names, withWrite } from '../../../src/core/versioning/causal-history.ts'
import { partsOf } from '../../../src/core/versioning/parts.ts'
import { emptyRecord, join, type Record, type Sibling } from '../../../src/core/versioning/record.ts'
import { decodeRecord, encodeRecord } from '../../../src/core/wire/record-codec.ts'
import { dots, writeOf } from '../arbitraries.ts'

/** Writes of a key, of which some have been overwritten by others. */
const written: fc.Arbitrary<Record> = fc
  .uniqueArray(fc.tuple(dots, fc.boolean(), fc.nat(30)), { maxLength: 30, selector: ([dot]) => dotName(dot) })
  .map((all) => {
    const history = all.reduce((known, [dot]) => withWrite(known, writeOf(dot)), emptyHistory)
    const siblings = all.flatMap(([dot, survives, length]): readonly Sibling[] => {
      const value = { kind: 'value', ...writeOf(dot), value: new Uint8Array(length), expiresAt: null } as const
      return survives ? [length === 0 ? { kind: 'tombstone', ...writeOf(dot) } : value] : []
    })
    return join({ history, siblings }, { history, siblings })
  })
const sizes = fc.integer({ min: 1, max: 100 })
const joined = (records: readonly Record[]) => records.reduce((sum, each) => join(sum, each), emptyRecord)

test('the parts of a record joined in any order, some of them twice, are the record', () => {
  const orders = fc.array(fc.nat(100), { maxLength: 60 })
  fc.assert(
    fc.property(written, sizes, orders, (record, partBytes, order) => {
      const parts = partsOf(record, partBytes)
      const some = order.flatMap((at) => parts[at % parts.length] ?? [])
      expect(encodeRecord(joined([...some, ...parts]))).toEqual(encodeRecord(record))
      expect(encodeRecord(joined([...parts].reverse()))).toEqual(encodeRecord(record))
    }),
    { numRuns: 300 },
  )
})

test('whoever has some of the parts has their siblings, lacks no other for that, and knows what all of them overwrote', () => {
  fc.assert(
    fc.property(written, written, sizes, (record, held, partBytes) => {
      const parts = partsOf(record, partBytes)
      for (const part of parts) {
        const others = parts.flatMap((each) => (each === part ? [] : each.siblings))
        for (const { dot } of others) expect(names(part.history, dot)).toBe(false)
        for (const { dot } of part.siblings) expect(names(part.history, dot)).toBe(true)
      }
      const whole = join(held, record)
      expect(encodeRecord(join(held, joined(parts)))).toEqual(encodeRecord(whole))
      expect(encodeRecord(joined([held, ...parts]))).toEqual(encodeRecord(whole))
    }),
    { numRuns: 300 },
  )
})

test('each part is a record that can be sent, and none has more bytes of values than it may, unless it is one value', () => {
  fc.assert(
    fc.property(written, sizes, (record, partBytes) => {
      for (const part of partsOf(record, partBytes)) {
        expect(decodeRecord(encodeRecord(part))).toEqual(part)
        const bytes = part.siblings.reduce((sum, each) => sum + (each.kind === 'value' ? each.value.length : 0), 0)
        expect(bytes <= partBytes || part.siblings.length === 1).toBe(true)
      }
    }),
  )
})

test('a record that is no larger than a part is its only part', () => {
  const time = 1 as HybridTime
  const sibling = { kind: 'value', dot: { actor: '0'.repeat(16) as never, counter: 1 }, time, expiresAt: null } as const
  const record = { history: withWrite(emptyHistory, sibling), siblings: [{ ...sibling, value: new Uint8Array(10) }] }
  expect(partsOf(record, 10)).toEqual([record])
  expect(partsOf(emptyRecord, 10)).toEqual([emptyRecord])
})
