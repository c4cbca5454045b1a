/**
 * Planted defects of views: what makes one show an old state, or take itself for live.
 */
import type { Mutant } from './mutants.ts'

export const viewMutants: readonly Mutant[] = [
  {
    name: 'a view asks for its partitions in the order in which they were first shown',
    file: 'src/node/following/following.ts',
    from: '[...this.#views.keys()].sort((a, b) => a - b)',
    to: 'this.#views.keys()',
  },
  {
    name: 'a view is told of no change',
    file: 'src/node/reactions.ts',
    from: 'replica.on.taken = (keys) => followers.changed(keys)',
    to: 'replica.on.taken = () => {}',
  },
  {
    name: 'a view reads once, and not again when others come to own what it shows',
    file: 'src/node/following/following.ts',
    from: "return status !== 'live' || [...this.#telling(view.subject.partition)].some((node) => !view.known.has(node))",
    to: "return status === 'loading'",
  },
  {
    name: 'the read of a view counts stand-ins in the place of owners',
    file: 'src/node/following/subjects.ts',
    from: 'Math.max(demand.primaries, Math.min(demand.nodes, telling))',
    to: 'demand.primaries + 0 * telling',
    firstSeed: 46,
  },
  {
    name: 'a view forgets what it is told while it reads',
    file: 'src/node/following/view.ts',
    from: 'this.#meanwhile?.push(...entries)',
    to: '',
    test: { file: 'test/node/following/view.test.ts', name: 'it keeps what it is told while it reads' },
  },
  {
    name: 'a view keeps what an owner has dropped without its name',
    file: 'src/node/following/following.ts',
    from: 'if (from !== null && view.isAtOdds(due, forgottenUntil))',
    to: 'if (from !== null && view.isAtOdds(due, forgottenUntil) && due.length < 0)',
    test: { file: 'test/node/following/hard-cases.test.ts', name: 'makes a view read again' },
  },
  {
    name: 'a view takes an owner that was met anew for one that still tells it of changes',
    file: 'src/node/following/following.ts',
    from: 'if (met !== undefined) this.#leases.delete(met)',
    to: '',
    test: { file: 'test/node/following/following.test.ts', name: 'met anew tell it nothing' },
  },
  {
    name: 'a follower that was told in vain is not told again',
    file: 'src/node/following/followers.ts',
    from: 'for (const key of keys) due.add(key)',
    to: '',
    test: { file: 'test/node/following/followers.test.ts', name: 'is told again after a pause' },
  },
]
