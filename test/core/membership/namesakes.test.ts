/**
 * Old news of a former boot, and the word of one that lives.
 */
import { expect, test } from 'vitest'
import { bounds } from '../../../src/core/bounds.ts'
import type { PeerId } from '../../../src/core/ids.ts'
import type { Claim } from '../../../src/core/membership/claims.ts'
import { Namesakes } from '../../../src/core/membership/namesakes.ts'
import { claimOf } from '../../members.ts'

const claim = (peer: string, incarnation: number): Claim => ({
  ...claimOf(1),
  peer: peer.repeat(16) as PeerId,
  incarnation,
})

/** Whether the other boot is found alive after each refutation, `everyMs` apart. */
const verdicts = (everyMs: number, rises: readonly number[]) => {
  const namesakes = new Namesakes()
  let own = 1
  return rises.map((rise, index) => {
    const claimed = claim('b', own + rise)
    own += rise + 1
    return namesakes.refuted(claimed, claim('a', own), index * everyMs)
  })
}

test('a boot whose claims go on rising above the refutations is alive', () => {
  expect(verdicts(bounds.namesakeMs / 2, [1, 1, 1, 1, 1])).toEqual([false, false, false, true, true])
})

test('old news is over after a moment, however much of it there is', () => {
  expect(verdicts(bounds.namesakeMs / 100, [1, 1, 1, 1, 1, 1])).not.toContain(true)
  expect(verdicts(bounds.namesakePauseMs, [10, 10, 10, 10, 10, 10])).not.toContain(true)
})

test('what others claim of this boot itself says nothing of another', () => {
  const namesakes = new Namesakes()
  for (const index of [1, 2, 3, 4, 5]) {
    expect(namesakes.refuted(claim('a', 2 * index), claim('a', 2 * index + 1), index * bounds.namesakeMs)).toBe(false)
  }
})

test('one that is refuted again by the same word has not answered', () => {
  const namesakes = new Namesakes()
  for (const index of [1, 2, 3, 4, 5])
    expect(namesakes.refuted(claim('b', 5), claim('a', 6), index * bounds.namesakeMs)).toBe(false)
})
