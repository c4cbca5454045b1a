/** Defects of merge types: each is shown by the oracles of `test/merge/model.test.ts`, or by a case of its own. */
import type { Mutant } from './mutants.ts'

const model = (name: string) => ({ file: 'test/merge/model.test.ts', name })
const cases = (name: string) => ({ file: 'test/merge/merge.test.ts', name })

export const mergeMutants: readonly Mutant[] = [
  {
    name: 'of too many siblings with merge types the latest is kept, as of any others',
    file: 'src/node/coordination/sibling-cap.ts',
    from: 'if (!values.some(hasMergeState)) return',
    to: 'if (values.length > 0 || !values.some(hasMergeState)) return',
    profile: 'merge',
    firstSeed: 31,
  },
  {
    name: 'a node without the code to join them keeps the latest of too many siblings with merge types',
    file: 'src/node/coordination/sibling-cap.ts',
    from: 'siblings.length > unjoinedFactor * this.#config.siblingsMax ?',
    to: 'siblings.length > unjoinedFactor ?',
    test: { file: 'test/collections/crowded.test.ts', name: 'left alone, up to four times' },
  },
  {
    name: 'a merge drops a dot that the other state has seen last, though that state holds it',
    file: 'src/merge/tree.ts',
    from: 'held.has(dotName(dot)) || ',
    to: '',
    test: model('counts each change once'),
  },
  {
    name: 'a write is no later than the last one of its actor, if the clock goes back',
    file: 'src/merge/merge.ts',
    from: 'Math.max(time, Math.min(before + 1, timeMax))',
    to: 'Math.max(time, 0)',
    test: model('counts each change once'),
  },
  {
    name: 'a counter forgets what its actor has counted before',
    file: 'src/merge/leaves.ts',
    from: 'sum(dots.filter(isOwn)) + to - from',
    to: 'to - from',
    test: model('200 increments'),
  },
  {
    name: 'a change of a set writes all its elements anew, so none can be removed at the same time',
    file: 'src/merge/containers.ts',
    from: 'if (!before.has(text)) children',
    to: 'children',
    test: model('has each element that was added'),
  },
  {
    name: 'an object of fields is shown in part after it was removed',
    file: 'src/merge/containers.ts',
    from: 'tree.dots.length === 0 ? undefined : Object',
    to: 'tree.children.size === 0 ? undefined : Object',
    test: model('shows a row whole or not at all'),
  },
  {
    name: 'a form brings back what others removed, and takes back what they wrote',
    file: 'src/merge/merge.ts',
    from: '{ from: from ?? type.read(placeIn(places, ',
    to: '{ from: type.read(placeIn(places, ',
    test: cases('writes only what its user changed'),
  },
  {
    name: 'a field that gets a type loses the value it had',
    file: 'src/merge/merge-type.ts',
    from: 'isTakenOver ? { ...edit, from: undefined } : edit',
    to: 'edit',
    test: cases('the first write takes it over'),
  },
  {
    name: 'a tab counts on under its last actor after a read that lags, or a write that may have been stored',
    file: 'src/collections/keyed.ts',
    from: 'const isSeen = last !== undefined && timeSeen(values, last.actor) === last.time',
    to: 'const isSeen = last !== undefined',
    profile: 'merge',
  },
  {
    name: 'two updates of one key in one tab do not wait for each other',
    file: 'src/collections/keyed.ts',
    from: 'const turn = before.then(work, work)',
    to: 'const turn = work()',
    profile: 'merge',
  },
]
