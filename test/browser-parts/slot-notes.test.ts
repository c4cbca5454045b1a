import { expect, test } from 'vitest'
import { forgetSlot, hasFailedForGood, type Notes, noteGivenUp, noteNode } from '../../src/browser/slot-notes.ts'

function notesOf(): Notes {
  const texts = new Map<string, string>()
  return {
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => void texts.set(name, text),
    removeItem: (name) => void texts.delete(name),
  }
}

const noon = 1_767_268_800_000
const minuteMs = 60_000

test('a database that fails is given up when it has failed three times, and for a minute', () => {
  const quick = notesOf()
  expect([0, 1, 2, 3].map((ms) => hasFailedForGood(quick, 'slot', noon + ms))).toEqual([false, false, false, false])
  expect(hasFailedForGood(quick, 'slot', noon + minuteMs)).toBe(true)
  const rare = notesOf()
  expect([0, 2, 4].map((at) => hasFailedForGood(rare, 'slot', noon + at * minuteMs))).toEqual([false, false, true])
  expect(hasFailedForGood(rare, 'another', noon)).toBe(false)
})

test('one that has opened meanwhile begins anew, and so does a clock that was set back', () => {
  const notes = notesOf()
  hasFailedForGood(notes, 'slot', noon)
  hasFailedForGood(notes, 'slot', noon)
  expect(noteNode(notes, 'slot', 'node')).toBeNull()
  expect(hasFailedForGood(notes, 'slot', noon + minuteMs)).toBe(false)
  hasFailedForGood(notes, 'slot', noon + minuteMs)
  expect(hasFailedForGood(notes, 'slot', noon)).toBe(false)
})

test('one that its node gave up needs to fail once more', () => {
  const notes = notesOf()
  noteGivenUp(notes, 'slot', noon)
  expect(hasFailedForGood(notes, 'slot', noon + 1)).toBe(true)
})

test('the node that was in a slot is remembered until it has left', () => {
  const notes = notesOf()
  noteNode(notes, 'slot', 'one')
  expect(noteNode(notes, 'slot', 'other')).toBe('one')
  forgetSlot(notes, 'slot')
  expect(noteNode(notes, 'slot', 'third')).toBeNull()
})

test('a browser without local storage gives nothing up', () => {
  const fails = () => {
    throw new Error('switched off')
  }
  const none: Notes = { getItem: fails, setItem: fails, removeItem: fails }
  noteGivenUp(none, 'slot', noon)
  forgetSlot(none, 'slot')
  expect(noteNode(none, 'slot', 'node')).toBeNull()
  expect(hasFailedForGood(none, 'slot', noon + minuteMs)).toBe(false)
})
