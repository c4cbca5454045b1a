/**
 * The checker itself, on small histories that are good and bad: it must see what is wrong and nothing else.
 */
import { describe, expect, test } from 'vitest'
import { type Conditions, check, gone, missed, overwrittenDeletes, usual } from './checker.ts'
import type { FinalReplica, Operation } from './history.ts'

import { lateThoughReceived } from './late-though-received.ts'

let ids = 0
const operation = (type: Operation['type'], more: Partial<Operation> = {}): Operation => {
  ids += 1
  return { id: ids, client: 0, type, key: 'k', invoked: ids * 10, returned: ids * 10 + 5, status: 'ok', ...more }
}
const put = (vid: string, contextFrom: Operation | null = null, more: Partial<Operation> = {}) =>
  operation('put', { vid, contextFrom: contextFrom?.id ?? null, ...more })
const del = (vid: string, contextFrom: Operation | null, more: Partial<Operation> = {}) =>
  operation('delete', { vid, contextFrom: contextFrom?.id ?? null, ...more })
const get = (vids: readonly string[], more: Partial<Operation> = {}) => operation('get', { vids, ...more })
const at = (node: string, vids: readonly string[], dead: readonly string[] = []): FinalReplica => ({ node, vids, dead })
const classes = (operations: readonly Operation[], ...finals: readonly FinalReplica[]) =>
  [...new Set(check(operations, new Map([['k', finals]])).map((violation) => violation.class))].sort()

describe('good histories', () => {
  test('a chain of writes leaves the last one', () => {
    const a = put('a')
    const b = put('b', a)
    expect(classes([a, b, get(['b']), put('c', b)], at('1', ['c']), at('2', ['c']))).toEqual([])
  })

  test('blind writes stand side by side', () => {
    expect(classes([put('a'), put('b'), get(['a', 'b'])], at('1', ['a', 'b']))).toEqual([])
  })

  test('a delete removes what it saw, and a write that it did not see stays', () => {
    const a = put('a')
    const d = del('d', a)
    expect(classes([a, d, put('b')], at('1', ['b'], ['d']))).toEqual([])
  })

  test('a delete of unknown outcome that took effect and was then overwritten loses nothing', () => {
    const a = put('a')
    const d = del('d', a, { status: 'unknown' })
    const g = get([], { deletesSeen: ['d'] })
    expect(classes([a, d, g, put('b', g)], at('1', ['b']))).toEqual([])
  })

  test('a write of unknown outcome may be there or not', () => {
    const a = put('a', null, { status: 'unknown' })
    expect(classes([a], at('1', ['a']))).toEqual([])
    expect(classes([a], at('1', []))).toEqual([])
  })
})

describe('bad histories', () => {
  test('an acknowledged write that is nowhere is lost', () => {
    expect(classes([put('a')], at('1', []))).toEqual(['LOST_WRITE'])
    expect(classes([put('a'), put('b')], at('1', ['b']))).toEqual(['LOST_WRITE'])
  })

  test('a write covered only by one that never took effect is lost', () => {
    const a = put('a')
    expect(classes([a, put('b', a, { status: 'unknown' })], at('1', []))).toEqual(['LOST_WRITE'])
  })

  test('what a delete saw is resurrected, what a put saw is not superseded', () => {
    const a = put('a')
    expect(classes([a, del('d', a)], at('1', ['a'], ['d']))).toEqual(['RESURRECTED'])
    expect(classes([a, put('b', a)], at('1', ['a', 'b']))).toEqual(['UNSUPERSEDED'])
  })

  test('owners that differ have diverged, in values or in deletes', () => {
    const a = put('a', null, { status: 'unknown' })
    expect(classes([a], at('1', ['a']), at('2', []))).toEqual(['DIVERGED'])
    expect(classes([del('d', null)], at('1', [], ['d']), at('2', []))).toEqual(['DIVERGED'])
  })

  test('a value that nobody wrote, or wrote later, is a phantom', () => {
    expect(classes([get(['x'])])).toEqual(['PHANTOM'])
    const g = get(['a'], { invoked: 1, returned: 2 })
    expect(classes([g, put('a', null, { invoked: 5, status: 'unknown' })])).toEqual(['PHANTOM'])
  })

  test('siblings of which one had seen the other are false', () => {
    const a = put('a')
    const b = put('b', a)
    expect(classes([a, b, get(['a', 'b'])], at('1', ['b']))).toEqual(['FALSE_SIBLING'])
  })

  test('a write that failed and shows anyway', () => {
    expect(classes([put('a', null, { status: 'fail' })], at('1', ['a']))).toEqual(['FAILED_WRITE_VISIBLE'])
    expect(classes([put('a', null, { status: 'fail' }), get(['a'])])).toEqual(['FAILED_WRITE_VISIBLE'])
  })

  test('a value told as late is counted where owners had it, and somebody who had seen it overwrote it', () => {
    const a = put('a', null, { quorum: true, pw: 2 })
    const read = get(['a'])
    const told = new Set(['a'])
    expect(lateThoughReceived([a, read, put('b', read)], told)).toBe(1)
    expect(lateThoughReceived([a, read, put('b', read)], new Set(['b']))).toBe(0)
    expect(lateThoughReceived([a, read, put('b', null)], told)).toBe(0)
    expect(lateThoughReceived([a, read, put('b', read, { status: 'unknown' })], told)).toBe(0)
    expect(lateThoughReceived([{ ...a, pw: 0 }, read, put('b', read)], told)).toBe(0)
  })

  test('a get at owners that misses an earlier put at owners is stale where a holder could be asked', () => {
    const a = put('a', null, { quorum: true, nodes: 2, pw: 2 })
    const read = (more: Partial<Operation>) => get([], { quorum: true, nodes: 2, pr: 2, reached: ['a'], ...more })
    expect(classes([a, read({})], at('1', ['a']))).toEqual(['STALE_QUORUM_READ'])
    const told = [read({ reached: [] }), read({ pr: 1 }), read({ pr: 0 }), read({ quorum: false })]
    for (const each of told) expect(classes([a, each], at('1', ['a']))).toEqual([])
    const how = (each: Operation) => [...missed([a, each], usual)]
    expect(told.map(how)).toEqual([[['across a cut', 1]], [['by a sloppy quorum', 1]], [['by a sloppy quorum', 1]], []])
  })

  test('a read in the end that does not find what each owner holds, and nothing that overwrote it', () => {
    const a = put('a')
    expect(classes([a, get([], { held: ['a'] })], at('1', ['a']))).toEqual(['MISREAD'])
    expect(classes([a, put('b', a, { status: 'unknown' }), get(['b'], { held: ['a'] })], at('1', ['a']))).toEqual([])
  })

  test('an excused write is gone if no owner holds it and nobody who had seen it has overwritten it', () => {
    const a = put('a', null, { status: 'unknown', isExcused: true })
    const vids = (operations: readonly Operation[], ...live: readonly string[]) =>
      gone(operations, new Map([['k', [at('1', live)]]]), usual).map(({ vid }) => vid)
    expect(vids([a])).toEqual(['a'])
    expect(vids([a], 'a')).toEqual([])
    expect(vids([a, put('b', a)], 'b')).toEqual([])
    expect(vids([a, put('b')], 'b')).toEqual(['a'])
    expect(vids([put('a', null, { status: 'unknown' })])).toEqual([])
  })

  test('a context that claims a delete beside a value which that had seen claims too much', () => {
    const a = put('a')
    const d = del('d', a)
    expect(classes([a, d, get(['a'], { deletesNamed: ['d'] })], at('1', [], ['d']))).toEqual(['OVERCLAIMED'])
    // Seen by the word of a horizon alone, which covers nothing.
    expect(classes([a, d, get(['a'], { deletesSeen: ['d'] })], at('1', [], ['d']))).not.toContain('OVERCLAIMED')
    const b = put('b')
    expect(classes([a, d, b, get(['b'], { deletesNamed: ['d'] })], at('1', ['b'], ['d']))).toEqual([])
  })

  test('of a delete that is overwritten the word of a context is told from what must have been seen', () => {
    const a = put('a')
    const d = del('d', a, { quorum: true, pw: 2 })
    const counts = (read: Operation) =>
      overwrittenDeletes([a, d, read, put('b', read)], new Map([['k', [at('1', ['b'])]]]), usual)
    expect(counts(get([], { deletesSeen: ['d'] }))).toEqual({ known: 0, believed: 1 })
    expect(counts(get([], { deletesSeen: ['d'], quorum: true, pr: 2, reached: ['d'] }))).toEqual({
      known: 1,
      believed: 0,
    })
    expect(counts(get([]))).toEqual({ known: 0, believed: 0 })
    expect(overwrittenDeletes([a, d, put('b', d)], new Map([['k', [at('1', ['b'])]]]), usual).known).toBe(1)
  })

  test('one dot for two writes', () => {
    expect(classes([put('a', null, { dot: 'x:1' }), put('b', null, { dot: 'x:1' })], at('1', ['a', 'b']))).toEqual([
      'DOT_REUSE',
    ])
  })
})

const conditions = (some: Partial<Conditions>): Conditions => ({ ...usual, ...some })

describe('values that expire', () => {
  const judged = (operations: readonly Operation[], dead: readonly string[], skewMs = 0) =>
    check(operations, new Map([['k', [at('1', [], dead)]]]), conditions({ skewMs })).map(({ class: kind }) => kind)

  test('are read before and not after, and are in the end like deletes', () => {
    const a = put('a', null, { invoked: 0, returned: 5, expiresAt: 100 })
    const before = get(['a'], { invoked: 90, returned: 120, deletesSeen: ['a'] })
    const after = get([], { invoked: 90, returned: 120, deletesSeen: ['a'] })
    expect(judged([a, before, after], ['a'])).toEqual([])
    expect(judged([a], [])).toEqual(['LOST_WRITE'])
  })

  test('are wrong where they outlive their end by more than clocks are off, or come to it sooner', () => {
    const a = put('a', null, { invoked: 0, returned: 5, expiresAt: 100 })
    const late = get(['a'], { invoked: 120, returned: 130, deletesSeen: ['a'] })
    const soon = get([], { invoked: 10, returned: 80, deletesSeen: ['a'] })
    expect(judged([a, late], ['a'])).toEqual(['EXPIRED'])
    expect(judged([a, soon], ['a'])).toEqual(['EXPIRED'])
    expect(judged([a, late, soon], ['a'], 20)).toEqual([])
  })

  test('may be gone before it where somebody has overwritten them', () => {
    const a = put('a', null, { invoked: 0, returned: 5, expiresAt: 100 })
    const b = put('b', a, { invoked: 10, returned: 20, expiresAt: 100 })
    expect(judged([a, b, get(['b'], { invoked: 30, returned: 40, deletesSeen: ['a', 'b'] })], ['b'])).toEqual([])
  })
})
