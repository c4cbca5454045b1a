/**
 * The quorum rule, row by row, and against an enumeration of all answers.
 */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../../src/core/ids.ts'
import { type Answer, decide } from '../../../src/core/quorum/decision.ts'
import { defaultFor, quorumFault } from '../../../src/core/quorum/requirements.ts'
import { type Candidate, fewestPlaces, standInFor, uncovered } from '../../../src/core/quorum/stand-ins.ts'

const letters = { '.': 'unasked', w: 'waiting', s: 'slow', '+': 'counted', '-': 'uncounted', x: 'failed' } as const
const answers = (text: string): readonly Answer[] => [...text].map((letter) => letters[letter as keyof typeof letters])

describe('what to do next, of n = 3 and needed = 2', () => {
  test.each([
    ['.....', 'pending', [0, 1, 2], false],
    ['www..', 'pending', [], false],
    ['+ww..', 'pending', [], false],
    ['++w..', 'won', [], false],
    ['+++..', 'won', [], true],
    ['+xw..', 'pending', [3], false],
    ['++x..', 'won', [3], false],
    ['+-w..', 'pending', [3], false],
    ['xxx..', 'pending', [3, 4], false],
    ['xxxww', 'pending', [], false],
    ['xxx+x', 'lost', [], true],
    ['xxxxx', 'lost', [], true],
    ['sww..', 'pending', [3], false],
    ['swww.', 'pending', [], false],
    ['sswww', 'pending', [], false],
    ['+ss..', 'pending', [3, 4], false],
    ['++s..', 'won', [3], false],
    ['++s+.', 'won', [], false],
    ['x+s+.', 'won', [4], false],
    ['sss..', 'pending', [3, 4], false],
    ['s', 'pending', [], false],
    ['sx', 'pending', [], false],
    ['x', 'lost', [], true],
    ['+', 'lost', [], true],
    ['', 'lost', [], true],
  ] as const)('%s: %s, ask %j', (text, outcome, ask, settled) => {
    expect(decide(answers(text), { n: 3, needed: 2 })).toEqual({ outcome, ask, settled })
  })
})

test.each([
  ['sss.....', [3, 4, 5]],
  ['ssss....', [4, 5]],
  ['sssss...', [5]],
  ['ssssss..', []],
  ['sssss+..', []],
  ['sxsssss.', []],
  ['sxxx....', [4, 5, 6]],
])('where all are slow, no more than n of them are doubled: %s, ask %j', (text, ask) => {
  expect(decide(answers(text), { n: 3, needed: 2 }).ask).toEqual(ask)
})

describe('what to do next where the answers so far do not say enough', () => {
  test.each([
    ['.....', 'pending', [0, 1, 2], false],
    ['++w..', 'pending', [], false],
    ['+++..', 'pending', [3, 4], false],
    ['+++x.', 'pending', [4], false],
    ['+++-+', 'lost', [], true],
  ] as const)('%s: %s, ask %j', (text, outcome, ask, settled) => {
    expect(decide(answers(text), { n: 3, needed: 2 }, { suffices: false, isEnough: true })).toEqual({
      outcome,
      ask,
      settled,
    })
  })
})

describe('what to do next where enough answer, and not those who should', () => {
  test.each([
    ['++w..', 'pending', [], false],
    ['++x..', 'pending', [3], false],
    ['+++..', 'lost', [], true],
    ['x++x+', 'lost', [], true],
  ] as const)('%s: %s, ask %j', (text, outcome, ask, settled) => {
    const found = decide(answers(text), { n: 3, needed: 2 }, { suffices: true, isEnough: false })
    expect(found).toEqual({ outcome, ask, settled })
  })
})

test('over all answers of five nodes: never more than n at work, won exactly at the quorum, nobody given up too early', () => {
  const all = Object.keys(letters)
  const texts = all.flatMap((a) =>
    all.flatMap((b) => all.flatMap((c) => all.flatMap((d) => all.map((e) => a + b + c + d + e)))),
  )
  for (const text of texts) {
    const state = answers(text)
    const { outcome, ask, settled } = decide(state, { n: 3, needed: 2 })
    const counted = state.filter((answer) => answer === 'counted').length
    const waiting = state.filter((answer) => answer === 'waiting').length
    const unasked = state.filter((answer) => answer === 'unasked').length
    const slow = state.filter((answer) => answer === 'slow').length
    const working = counted + waiting + Math.max(0, slow - 3)
    expect(outcome === 'won').toBe(counted >= 2)
    expect(working + ask.length <= Math.max(3, working)).toBe(true)
    expect(ask.length).toBe(Math.min(unasked, Math.max(0, 3 - working)))
    expect(settled).toBe(waiting === 0 && slow === 0 && ask.length === 0)
    expect(ask.every((index) => state[index] === 'unasked')).toBe(true)
  }
})

describe('on how many devices a write is, whichever hints have gone home', () => {
  // Nodes are named by their device and a number; a copy is who has it, and for whom.
  test.each([
    [[['a1', []]], 1],
    [
      [
        ['a1', []],
        ['b1', []],
      ],
      2,
    ],
    [
      [
        ['a1', []],
        ['b1', ['a2']],
      ],
      1,
    ],
    [
      [
        ['a1', []],
        ['b1', ['c1']],
      ],
      2,
    ],
    [
      [
        ['a1', ['b2']],
        ['b1', ['a2']],
      ],
      1,
    ],
    [
      [
        ['a1', []],
        ['b1', ['a2', 'c1']],
      ],
      2,
    ],
    [[['a1', ['a2', 'b1', 'c1']]], 1],
  ] as const)('%j: %i', (copies, devices) => {
    expect(fewestPlaces(copies as never, (node) => node[0])).toBe(devices)
  })
})

describe('who stands in for whom', () => {
  const candidate = (
    name: string,
    role: Candidate['role'],
    answer: Answer,
    hintFor: readonly string[] = [],
  ): Candidate => ({
    node: name as NodeId,
    role,
    answer,
    hintFor: hintFor as readonly NodeId[],
  })
  const owners = (text: string) => answers(text).map((answer, index) => candidate(`o${index}`, 'owner', answer))

  test('the first missing owner without a stand-in is stood in for first', () => {
    expect(standInFor([...owners('+xx'), candidate('f0', 'fallback', 'unasked')])).toEqual(['o1'])
    expect(standInFor([...owners('+xx'), candidate('f0', 'fallback', 'waiting', ['o1'])])).toEqual(['o2'])
    expect(standInFor([...owners('+x-'), candidate('f0', 'fallback', 'counted', ['o1'])])).toEqual(['o2'])
  })

  test('a slow owner is stood in for as one that failed, and a slow stand-in still stands in', () => {
    expect(standInFor([...owners('+sw'), candidate('f0', 'fallback', 'unasked')])).toEqual(['o1'])
    expect(standInFor([...owners('+sx'), candidate('f0', 'fallback', 'slow', ['o1'])])).toEqual(['o2'])
    expect(standInFor([...owners('++s'), candidate('f0', 'fallback', 'slow', ['o2'])])).toEqual(['o2'])
  })

  test('a stand-in that failed stands in for nobody', () => {
    expect(standInFor([...owners('+x+'), candidate('f0', 'fallback', 'failed', ['o1'])])).toEqual(['o1'])
  })

  test('where every missing owner has a stand-in, one more stands in for all of them', () => {
    expect(
      standInFor([
        ...owners('xx+'),
        candidate('f0', 'fallback', 'counted', ['o0']),
        candidate('f1', 'fallback', 'counted', ['o1']),
      ]),
    ).toEqual(['o0', 'o1'])
  })

  test('owners that neither have the write nor a stand-in that has it are left to the coordinator', () => {
    expect(uncovered([...owners('+xw'), candidate('f0', 'fallback', 'counted', ['o1'])])).toEqual(['o2'])
    expect(uncovered([...owners('+xx'), candidate('f0', 'fallback', 'waiting', ['o1'])])).toEqual(['o1', 'o2'])
    expect(uncovered(owners('++-'))).toEqual([])
    expect(uncovered([...owners('+ss'), candidate('f0', 'fallback', 'counted', ['o1'])])).toEqual(['o2'])
    expect(uncovered([...owners('+s+'), candidate('f0', 'fallback', 'slow', ['o1'])])).toEqual(['o1'])
  })
})

test('sizes that make no sense are named, and the default is a majority of at most two', () => {
  expect(quorumFault({ n: 3, r: 2, w: 2 })).toBeNull()
  expect(quorumFault({ n: 3, r: 1, w: 1 })).toBeNull()
  for (const sizes of [
    { n: 0, r: 1, w: 1 },
    { n: 17, r: 1, w: 1 },
    { n: 3, r: 4, w: 2 },
    { n: 3, r: 2, w: 0 },
    { n: 2.5, r: 1, w: 1 },
  ]) {
    expect(quorumFault(sizes), JSON.stringify(sizes)).toMatch(/must be a whole number/)
  }
  expect([1, 2, 3, 5].map(defaultFor)).toEqual([1, 2, 2, 2])
})
