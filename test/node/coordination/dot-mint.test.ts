/**
 * The dots a boot mints: never one twice, and few gaps.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import { dotName, emptyHistory, withWrite } from '../../../src/core/versioning/causal-history.ts'
import { seededRandom } from '../../../src/memory/seeded-random.ts'
import { DotMint, mintActor } from '../../../src/node/coordination/dot-mint.ts'
import { keyNamed } from '../replica-fixture.ts'

const keptMs = 1_000

function minting() {
  const random = seededRandom(1)
  return new DotMint(random, mintActor(random), keptMs)
}
const [key, other] = [keyNamed('key'), keyNamed('other')]
const nothing = emptyHistory

test('counters run per key under one actor', () => {
  const mint = minting()
  const dots = [mint.next(key, nothing, 0), mint.next(other, nothing, 0), mint.next(key, nothing, 0)]
  expect(dots.map(({ counter }) => counter)).toEqual([1, 1, 2])
  expect(new Set(dots.map(({ actor }) => actor)).size).toBe(1)
})

test('a write that failed ends the actor for its key, and for no other', () => {
  const mint = minting()
  const [failed, elsewhere] = [mint.next(key, nothing, 0), mint.next(other, nothing, 0)]
  mint.failed(key, failed)
  const next = mint.next(key, nothing, 0)
  expect(next.counter).toBe(1)
  expect(next.actor).not.toBe(failed.actor)
  expect(mint.next(other, nothing, 0)).toEqual({ actor: elsewhere.actor, counter: 2 })
})

test('of two writes under way that fail, each ends what it was signed by, once', () => {
  const mint = minting()
  const [first, second] = [mint.next(key, nothing, 0), mint.next(key, nothing, 0)]
  mint.failed(key, first)
  const after = mint.next(key, nothing, 0)
  mint.failed(key, second)
  expect(mint.next(key, nothing, 0)).toEqual({ actor: after.actor, counter: 2 })
})

test('no dot is minted twice, whatever fails and whatever writers have seen', () => {
  const mint = minting()
  const minted = new Set<string>()
  let seen = nothing
  for (let count = 0; count < 500; count += 1) {
    const dot = mint.next(key, count % 3 === 0 ? nothing : seen, 0)
    minted.add(dotName(dot))
    if (count % 7 === 0) mint.failed(key, dot)
    else if (count % 3 !== 0) seen = withWrite(seen, { dot, time: 1 as never })
  }
  expect(minted.size).toBe(500)
})

test('a context has no more dots beyond a gap of one actor than the bound', () => {
  const mint = minting()
  mint.next(key, nothing, 0)
  let seen = nothing
  for (let count = 0; count < 500; count += 1)
    seen = withWrite(seen, { dot: mint.next(key, seen, 0), time: 1 as never })
  const actors = [...seen.actors.values()]
  expect(actors.map(({ upTo, beyond }) => [upTo, beyond.length])).toEqual([
    [0, bounds.dotsBeyondMax],
    [500 - bounds.dotsBeyondMax, 0],
  ])
})

test('an actor that was idle until its names may be forgotten ends for that key', () => {
  const mint = minting()
  const first = mint.next(key, nothing, 0)
  expect(mint.next(key, nothing, keptMs - 1)).toEqual({ actor: first.actor, counter: 2 })
  const after = mint.next(key, nothing, 2 * keptMs)
  expect(after.counter).toBe(1)
  expect(after.actor).not.toBe(first.actor)
})
