/**
 * Goal: what is encoded is decoded the same; whatever else comes gives null, never an exception, never a stall.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type {
  ActorId,
  DeviceId,
  HybridTime,
  NodeId,
  Partition,
  PeerId,
  StoredKey,
  ViewHash,
} from '../../../src/core/ids.ts'
import { memberStatuses, storageStates } from '../../../src/core/membership/claims.ts'
import { type SwimMessage, swimMessageTypes } from '../../../src/core/membership/swim-port.ts'
import { parseStoredKey, storedKey } from '../../../src/core/stored-key.ts'
import { decodeUtf8, encodeUtf8, isWellFormed } from '../../../src/core/utf8.ts'
import { actorsOf, emptyHistory, withWrite } from '../../../src/core/versioning/causal-history.ts'
import { ByteWriter } from '../../../src/core/wire/bytes.ts'
import { framesOf, Reassembler } from '../../../src/core/wire/frames.ts'
import { decodeMessage, encodeMessage } from '../../../src/core/wire/message-codec.ts'
import {
  type Account,
  countings,
  type ExchangeTerms,
  type Message,
  type Reply,
  type Request,
  reasons,
} from '../../../src/core/wire/messages.ts'
import { decodeContext, decodeRecord, encodeContext, encodeRecord } from '../../../src/core/wire/record-codec.ts'
import { SendQueue } from '../../../src/core/wire/send-queue.ts'
import { decodeFromSignaling, decodeToSignaling, refusalCodes } from '../../../src/core/wire/signaling-messages.ts'
import { actorName, histories, records } from '../arbitraries.ts'

const hex = (length: number) =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const node = hex(32).map((text) => text as NodeId)
const peer = hex(16).map((text) => text as PeerId)
const view = hex(16).map((text) => text as ViewHash)
const partitions = fc
  .uniqueArray(fc.nat(bounds.partitions - 1))
  .map((some): readonly Partition[] => some.sort((a, b) => a - b) as Partition[])
const key = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .map((text) => storedKey({ collection: 'c', group: null, key: text }))
const keyed = fc.record({ key, record: records })
const claim = fc.record({
  node,
  peer,
  device: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text as DeviceId),
  capacity16ths: fc.integer({ min: 1, max: 1024 }),
  guest: fc.boolean(),
  settled: fc.boolean(),
  storage: fc.constantFrom(...storageStates),
  speaks: fc.nat(bounds.speaksMax),
  incarnation: fc.nat(),
  status: fc.constantFrom(...memberStatuses),
})
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 5 })
const members = fc.record({ type: fc.constant('members' as const), digest: view, claims: list(claim) })

const swim: fc.Arbitrary<SwimMessage> = fc.record({
  type: fc.constantFrom(...swimMessageTypes),
  sequence: fc.maxSafeNat(),
  target: fc.option(node),
  news: list(fc.record({ claim, by: node })),
})

const time = fc.nat().map((value) => value as HybridTime)
const session = fc.record({ boot: fc.maxSafeNat(), tag: hex(8), count: fc.maxSafeNat() })
const terms: fc.Arbitrary<ExchangeTerms> = fc.record({
  received: list(fc.record({ is: session, of: partitions })),
  floors: list(fc.record({ is: time, of: partitions })),
})
const received = fc
  .uniqueArray(fc.tuple(node, session), { maxLength: 5, selector: ([name]) => name })
  .map((entries) => new Map(entries))
const account: fc.Arbitrary<Account> = fc.record({
  session,
  clock: time,
  kept: list(fc.record({ is: fc.record({ horizon: time, received }), of: partitions })),
})
const moved = list(keyed).chain((entries) => {
  const siblings = entries.reduce((sum, { record }) => sum + record.siblings.length, 0)
  return fc.record({
    entries: fc.constant(entries),
    received: fc.array(fc.nat(Math.max(0, siblings - 1)), { maxLength: Math.min(5, siblings) }),
  })
})

const requests: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, delta: records, hintFor: list(node) }),
  fc.record({ type: fc.constant('get' as const), key }),
  fc.record({ type: fc.constant('follow' as const), partitions }),
  fc.record({ type: fc.constant('changed' as const), entries: list(keyed) }),
  fc.record({ type: fc.constant('ephemeral' as const), topic: fc.string({ maxLength: 20 }), body: fc.uint8Array() }),
  fc.record({
    type: fc.constant('scan' as const),
    partition: fc.nat(bounds.partitions - 1).map((each) => each as Partition),
    prefixes: fc.array(key, { maxLength: 2 }),
    from: key,
    limit: fc.nat(bounds.batchRecordsMax),
  }),
  members,
  fc.tuple(fc.constantFrom(...reasons), moved).map(([why, records]) => ({ type: 'deliver' as const, why, ...records })),
  fc.record({ type: fc.constant('terms' as const), session: fc.maxSafeNat(), of: partitions, terms }),
  fc.record({
    type: fc.constant('reconcile' as const),
    session: fc.maxSafeNat(),
    scope: fc.option(partitions),
    body: fc.uint8Array(),
  }),
  fc.record({ type: fc.constant('fetch' as const), hashes: fc.uint8Array() }),
  fc.record({
    type: fc.constant('settled' as const),
    session: fc.maxSafeNat(),
    partitions,
    back: partitions,
    account,
  }),
)
const replies: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({
    type: fc.constant('stored' as const),
    standing: fc.constantFrom('owner' as const, 'syncing' as const, 'hint' as const),
  }),
  fc.record({
    type: fc.constant('record' as const),
    record: records,
    horizon: time,
    floor: time,
    counts: fc.constantFrom(...countings),
    sources: list(node),
  }),
  members,
  fc.record({ type: fc.constant('reconciled' as const), body: fc.uint8Array() }),
  fc
    .tuple(moved, fc.nat(bounds.batchRecordsMax))
    .map(([records, considered]) => ({ type: 'records' as const, ...records, considered })),
  fc.record({
    type: fc.constant('taken' as const),
    overwritten: list(keyed),
  }),
  fc.record({ type: fc.constant('following' as const), whole: partitions }),
  fc.record({ type: fc.constant('heard' as const) }),
  fc.record({
    type: fc.constant('scanned' as const),
    entries: list(keyed),
    next: fc.option(key),
    floor: time,
    counts: fc.constantFrom(...countings),
    sources: list(node),
  }),
  fc.record({ type: fc.constant('terms' as const), terms }),
  fc.record({ type: fc.constant('settled' as const), account }),
  fc.record({
    type: fc.constant('failed' as const),
    code: fc.constantFrom('storage-full' as const, 'overloaded' as const),
  }),
)
const hello = fc.record({
  protocolVersion: fc.constant(bounds.protocolVersion),
  cluster: hex(32),
  n: fc.nat(),
  partitions: fc.nat(),
  tokensPerNode: fc.nat(),
  graceMs: fc.nat(),
  retentionMs: fc.nat(bounds.retentionMsMax),
  held: partitions,
  node,
  boot: hex(16).map((text) => text as ActorId),
})
const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), hello }),
  fc.record({ kind: fc.constant('refuse' as const), reason: fc.string() }),
  fc.record({ kind: fc.constant('request' as const), id: fc.maxSafeNat(), view, body: requests }),
  fc.record({ kind: fc.constant('reply' as const), id: fc.maxSafeNat(), view, body: replies }),
  fc.record({ kind: fc.constant('swim' as const), view, body: swim }),
  fc.record({ kind: fc.constant('signal' as const), from: peer, to: peer, body: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('unsignaled' as const), to: peer, body: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('relay' as const), from: node, to: node, message: fc.uint8Array() }),
  fc.record({ kind: fc.constant('unrelayed' as const), to: node }),
  fc.record({ kind: fc.constant('part' as const) }),
)

describe('messages between nodes', () => {
  test('every message comes back as it was', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message)
      }),
      { numRuns: 1000 },
    )
  })

  test('a record of many more siblings than the cap comes back whole: it is resolved by a put, never by a decoder', () => {
    const siblings = Array.from({ length: 20 * bounds.siblingsMax }, (_, index) => {
      const dot = { actor: actorName(index + 1), counter: 1 }
      return {
        kind: 'value' as const,
        dot,
        time: (index + 1) as HybridTime,
        value: new Uint8Array([1]),
        expiresAt: null,
      }
    })
    const history = siblings.reduce(withWrite, emptyHistory)
    expect(decodeRecord(encodeRecord({ history, siblings }))).toEqual({ history, siblings })
  })

  test('any bytes whatsoever give a message or null', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeMessage(bytes)
        expect(decoded === null || typeof decoded.kind === 'string').toBe(true)
      }),
      { numRuns: 20_000 },
    )
  })

  test('a message that was cut short, lengthened or altered gives null or another well-formed message', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), (message, at, byte) => {
        const bytes = encodeMessage(message)
        expect(decodeMessage(bytes.subarray(0, at % bytes.length))).toBeNull()
        expect(decodeMessage(Uint8Array.of(...bytes, byte))).toBeNull()
        const altered = bytes.slice()
        altered[at % bytes.length] = byte
        const decoded = decodeMessage(altered)
        if (decoded !== null) expect(decodeMessage(encodeMessage(decoded))).toEqual(decoded)
      }),
      { numRuns: 2000 },
    )
  })

  test('a length that promises more than there is costs no memory', () => {
    const claimsMany = Uint8Array.of(2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07)
    expect(decodeMessage(claimsMany)).toBeNull()
  })
})

describe('records and contexts', () => {
  test('records and contexts come back as they were', () => {
    fc.assert(
      fc.property(records, histories, (record, history) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record)
        const name = storedKey({ collection: '', group: null, key: 'k' })
        const siblings = [...history.actors.keys()].slice(0, 2)
        const text = encodeContext(name, { history, time: 5 as never, horizon: 3 as never, siblings })
        const context = decodeContext(name, text)
        expect(decodeContext(storedKey({ collection: '', group: null, key: 'other' }), text)).toBeNull()
        expect(actorsOf(context?.history ?? emptyHistory)).toEqual(actorsOf(history))
        expect(context).toMatchObject({ time: 5, horizon: 3 })
        expect(new Set(context?.siblings)).toEqual(new Set(siblings))
      }),
    )
  })

  test.each(['', 'x', 'zz', '01', '0100', 'ff00', '010', '0180', '__proto__'])('the text %j is no context', (text) => {
    expect(decodeContext(storedKey({ collection: '', group: null, key: 'k' }), text)).toBeNull()
  })

  test('a key name keeps its collection, its group and its key', () => {
    for (const group of [null, '', 'list-1']) {
      const name = { collection: 'carts', group, key: 'a\u0000b\u0001c' } as const
      expect(parseStoredKey(storedKey(name))).toEqual(name)
    }
    for (const text of ['', 'x', '=', '=c', '?c\u0000k', '=c\u0000', '=c\u0001g\u0001h\u0000k'])
      expect(parseStoredKey(text)).toBeNull()
  })
})

describe('frames', () => {
  test('messages cut into frames and interleaved are put together again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(70_000), { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat(4)),
        (lengths, order) => {
          const sent = lengths.map((length, index) => new Uint8Array(length).fill(index + 1))
          const streams = sent.map((message, index) => [...framesOf(index, message)])
          const reassembler = new Reassembler()
          const received: Uint8Array[] = []
          for (const choice of order) {
            const live = streams.filter((frames) => frames.length > 0)
            const frame = live[choice % Math.max(1, live.length)]?.shift()
            if (frame === undefined) break
            expect(frame.length).toBeLessThanOrEqual(bounds.frameBytesMax)
            const taken = reassembler.take(frame)
            expect(taken.kind).not.toBe('malformed')
            if (taken.kind === 'message') received.push(taken.message)
          }
          const byContent = (a: Uint8Array, b: Uint8Array) => (a[0] ?? 0) - (b[0] ?? 0) || a.length - b.length
          expect(received.map(({ length }) => length).toSorted()).toEqual(sent.map(({ length }) => length).toSorted())
          expect(Buffer.concat(received.sort(byContent)).equals(Buffer.concat(sent.sort(byContent)))).toBe(true)
        },
      ),
      { numRuns: 50 },
    )
  })

  test.each([
    ['nothing at all', new Uint8Array(0)],
    ['a continuation of nothing', Uint8Array.of(1, 0, 1, 2, 3)],
    ['a message longer than allowed', Uint8Array.of(1, 2, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['more bytes than promised', Uint8Array.of(1, 3, 1, 9, 9, 9)],
    ['fewer bytes than promised', Uint8Array.of(1, 3, 9, 1)],
    ['a frame larger than a frame', new Uint8Array(bounds.frameBytesMax + 1).fill(3)],
  ])('%s is malformed', (_name, frame) => {
    expect(new Reassembler().take(frame).kind).toBe('malformed')
  })

  test('partial messages are bounded in number', () => {
    const reassembler = new Reassembler()
    const begin = (id: number) => reassembler.take(Uint8Array.of(id, 2, 100, 0)).kind
    const kinds = Array.from({ length: bounds.partialsMax + 1 }, (_, id) => begin(id))
    expect(kinds.filter((kind) => kind === 'more')).toHaveLength(bounds.partialsMax)
    expect(kinds.at(-1)).toBe('malformed')
  })

  test('control frames, and replies, go out before the rest of a bulk message, and each message says once how it ended', () => {
    const queue = new SendQueue()
    const ends: string[] = []
    queue.offer('bulk', new Uint8Array(50_000), (sent) => ends.push(`bulk ${sent}`))
    queue.take()
    queue.offer('control', Uint8Array.of(1), (sent) => ends.push(`control ${sent}`))
    queue.take()
    expect(ends).toEqual(['control true'])
    queue.offer('reply', Uint8Array.of(2), (sent) => ends.push(`reply ${sent}`))
    queue.take()
    expect(ends).toEqual(['control true', 'reply true'])
    queue.clear()
    expect(ends).toEqual(['control true', 'reply true', 'bulk false'])
    expect(queue.take()).toBeUndefined()
  })
})

describe('writers', () => {
  test('what one has written stays as it is, whatever it and others write after it or meanwhile', () => {
    const [first, meanwhile] = [new ByteWriter(), new ByteWriter()]
    first.text('first')
    meanwhile.text('other')
    const written = [meanwhile.done(), first.done()]
    const after = new ByteWriter()
    after.text('what comes after')
    first.text('again')
    expect(written.map((bytes) => decodeUtf8(bytes.subarray(1)))).toEqual(['other', 'first'])
    expect(decodeUtf8(after.done().subarray(1))).toBe('what comes after')
  })
})

describe('text', () => {
  test('UTF-8 is decoded as the platform does it, and what is malformed is refused', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const reference = (bytes: Uint8Array) => {
      try {
        return strict.decode(bytes)
      } catch {
        return null
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        expect(decodeUtf8(bytes)).toBe(reference(bytes))
      }),
      { numRuns: 20_000 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeUtf8(Buffer.from(text))).toBe(text)
      }),
    )
  })

  test('any text becomes the bytes that the platform makes of it', () => {
    const unit = fc.oneof(
      fc.constantFrom('a', 'key ', '\u007f', '\u0080', '\ud800', '\u{1f600}'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 6 }), (parts) => {
        const text = parts.join('')
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text))
      }),
    )
  })

  test('half a surrogate pair is noticed', () => {
    expect(['', 'a', 'ü', '\u{1f600}', 'a\u{1f600}b'].every(isWellFormed)).toBe(true)
    expect(['\ud83d', '\ude00', '\ude00\ud83d', 'a\ud83d', '\ud83d\ud83d\ude00'].some(isWellFormed)).toBe(false)
  })
})

describe('signaling messages', () => {
  const peer = '00000000000000aa' as PeerId
  const room = 'ab'.repeat(16)

  test('every message comes back as it was', () => {
    for (const message of [{ type: 'join', room, peer }, { type: 'send', to: peer, body: '{}' }, { type: 'leave' }]) {
      expect(decodeToSignaling(JSON.stringify(message))).toEqual(message)
    }
    const answers = [
      { type: 'joined', peers: [peer] },
      { type: 'arrived', peer },
      { type: 'gone', peer },
      { type: 'message', from: peer, body: 'x' },
    ]
    for (const message of [...answers, ...refusalCodes.map((code) => ({ type: 'refused', code }))]) {
      expect(decodeFromSignaling(JSON.stringify(message))).toEqual(message)
    }
  })

  test('whatever else comes gives null', () => {
    const noise = [
      '',
      'null',
      '1',
      '[]',
      '{}',
      '{"type":"join"}',
      '{"type":"join","room":"?","peer":"?"}',
      '{"type":"send","to":1,"body":2}',
      '{"type":"joined","peers":[1]}',
      '{"type":"refused","code":"?"}',
      `"${'x'.repeat(bounds.signalingMessageCharsMax)}"`,
    ]
    for (const text of noise) expect([decodeToSignaling(text), decodeFromSignaling(text)]).toEqual([null, null])
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => [decodeToSignaling(text), decodeFromSignaling(text)]).not.toThrow()
      }),
    )
  })
})

test('stored keys of a stranger that are none are refused with their message', () => {
  const get = encodeMessage({
    kind: 'request',
    id: 1,
    view: '00'.repeat(8) as ViewHash,
    body: { type: 'get', key: 'no key' as StoredKey },
  })
  expect(decodeMessage(get)).toBeNull()
})
