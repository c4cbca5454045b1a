/**
 * Whether two nodes may form a ring, and what they agree on where they need not agree before.
 */
import { expect, test } from 'vitest'
import { tagOf } from '../../../src/core/hash.ts'
import type { ActorId } from '../../../src/core/ids.ts'
import { decodeMessage, encodeMessage } from '../../../src/core/wire/message-codec.ts'
import type { Hello } from '../../../src/core/wire/messages.ts'
import { helloOf, mismatch } from '../../../src/node/network/handshake.ts'
import { Retention } from '../../../src/node/ownership/retention.ts'
import { nodeName } from '../../members.ts'

const day = 86_400_000

function helloWith(settings: Partial<Pick<Hello, 'n' | 'graceMs'>>, retention = new Retention(day)): Hello {
  const boot = '1'.repeat(16) as ActorId
  return helloOf(tagOf('ring'), { n: 3, graceMs: 600_000, ...settings }, retention, { held: [] }, nodeName(1), boot)
}

test('two nodes that were opened with other graces form no ring, and are told both', () => {
  expect(mismatch(helloWith({}), helloWith({}))).toBeNull()
  expect(mismatch(helloWith({}), helloWith({ graceMs: 60_000, n: 2 }))).toBe(
    'n is 3 here and 2 there, graceMs is 600000 here and 60000 there',
  )
})

test('of two builds that speak other protocols the older one is named', () => {
  const ours = helloWith({})
  const theirs = { ...ours, protocolVersion: ours.protocolVersion + 1 }
  expect(mismatch(ours, theirs)).toMatch(/; this page has the older build: reload it$/)
  expect(mismatch(theirs, ours)).toMatch(/; the peer has the older build: reload it$/)
})

test('of two retentions the longer holds, nodes that differ in it form a ring, and each says what it goes by then', () => {
  const retention = new Retention(day)
  const hello = helloWith({}, retention)
  expect(mismatch(hello, helloWith({}, new Retention(7 * day)))).toBeNull()
  retention.heard(7 * day)
  retention.heard(2 * day)
  expect(retention.ms).toBe(7 * day)
  const sent = decodeMessage(encodeMessage({ kind: 'hello', hello }))
  expect(sent).toMatchObject({ hello: { retentionMs: 7 * day, graceMs: 600_000 } })
})

test('a hello that claims a retention beyond the bounds is none', () => {
  const hello = helloWith({}, new Retention(366 * day))
  expect(decodeMessage(encodeMessage({ kind: 'hello', hello }))).toBeNull()
})
