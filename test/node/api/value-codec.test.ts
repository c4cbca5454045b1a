/**
 * Values come back as they went in, or are refused; bytes of strangers give a value or undefined, at a bounded cost.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { TabringError } from '../../../src/errors.ts'
import { depthOf, ValueCodec } from '../../../src/node/api/value-codec.ts'
import { allCountries } from '../../browser/countries.ts'

const codec = new ValueCodec()
const storable = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.string({ unit: 'binary' }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

const failing = (value: unknown): TabringError => {
  try {
    codec.encode(value)
  } catch (error) {
    if (error instanceof TabringError) return error
  }
  throw new Error('it was stored')
}

test('JSON-like data, bytes, dates and bigints come back as they were', () => {
  fc.assert(
    fc.property(storable, (value) => {
      expect(codec.decode(codec.encode(value))).toEqual(value)
    }),
    { numRuns: 1000 },
  )
})

test('bytes that come back are of their own: who alters them alters nothing that is stored', () => {
  const stored = codec.encode({ bytes: Uint8Array.of(1, 2, 3) })
  const before = stored.slice()
  const { bytes } = codec.decode(stored) as { readonly bytes: Uint8Array }
  bytes.fill(9)
  expect(stored).toEqual(before)
})

test('the countries come back with their Unicode and nesting', () => {
  for (const [, country] of allCountries) expect(codec.decode(codec.encode(country))).toEqual(country)
})

test('undefined properties are left out, as in JSON', () => {
  expect(codec.decode(codec.encode({ a: undefined, b: 1 }))).toEqual({ b: 1 })
})

test.each([
  ['undefined', undefined, 'the value is undefined'],
  ['a function inside', { a: { b: () => 1 } }, 'the value.a.b is a function'],
  ['a symbol', Symbol('s'), 'the value is a symbol'],
  ['a class instance', new Map(), 'the value is an instance of a class'],
  ['undefined in an array', [1, undefined], 'the value[1] is undefined'],
  ['a hole in an array', Array(2), 'the value[0] is undefined'],
  ['an invalid date', { at: new Date(Number.NaN) }, 'the value.at is an invalid date'],
  ['half a surrogate pair', ['\ud800'], 'the value[0] holds half of a surrogate pair'],
  ['another typed array', new Float64Array(2), 'the value is an instance of a class'],
  ['a property called __proto__', JSON.parse('{"__proto__": 1}'), 'whose name cannot be stored'],
])('%s is refused, and the error says where it is', (_name, value, text) => {
  const error = failing(value)
  expect(error).toMatchObject({ code: 'invalid-value', changed: 'nothing' })
  expect(error.message).toContain(text)
})

test('a cycle is refused', () => {
  const loop: { again?: unknown } = {}
  loop.again = loop
  expect(failing(loop).code).toBe('invalid-value')
})

test('a value of 1 MiB encoded is stored, one byte more is too large', () => {
  const head = 5
  expect(codec.encode(new Uint8Array(bounds.valueBytesMax - head))).toHaveLength(bounds.valueBytesMax)
  expect(failing(new Uint8Array(bounds.valueBytesMax - head + 1))).toMatchObject({
    code: 'value-too-large',
    changed: 'nothing',
  })
})

test('the depth of MessagePack is found without following it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      const depth = (item: unknown): number => {
        const children = typeof item === 'object' && item !== null ? Object.values(item) : []
        return children.length === 0 ? 0 : 1 + Math.max(...children.map(depth))
      }
      expect(depthOf(codec.encode(JSON.parse(JSON.stringify(value))))).toBe(depth(value))
    }),
  )
  expect(depthOf(new Uint8Array(1_000_000).fill(0x91))).toBe(1_000_000)
})

test('a few bytes that promise many items or many digits cost next to nothing', () => {
  const promises = Uint8Array.from({ length: 100 }, (_, at) => [0xdd, 0x01, 0xc9, 0xc3, 0x80][at % 5] ?? 0)
  expect(codec.decode(promises)).toBeUndefined()
  const digits = new Uint8Array(100_006).fill(0x7a)
  digits.set([0xc9, 0x00, 0x01, 0x86, 0xa0, 0x01])
  expect(codec.decode(digits)).toBeUndefined()
})

test('any bytes give a value or undefined, and deep nests are refused before they are followed', () => {
  expect(codec.decode(new Uint8Array(1_000_000).fill(0x91))).toBeUndefined()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => codec.decode(bytes)).not.toThrow()
    }),
    { numRuns: 20_000 },
  )
  expect(Object.prototype).not.toHaveProperty('polluted')
})
