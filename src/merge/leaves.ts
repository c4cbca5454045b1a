/**
 * Merge types without parts: `latest` and `counter`.
 *
 * A write of a leaf takes the place of all dots that its writer saw. Dots of concurrent writes stay beside each other
 * until a write has seen them; only a read chooses or adds up.
 */
import { type Edit, type MergeType, misfit } from './merge-type.ts'
import { type Dot, type Stamp, type Tree, treeOf } from './tree.ts'

/**
 * The latest write wins: by time, then by actor. A write that has seen another is the later one, even if the clocks
 * say otherwise. Values are anything that a node stores, and are replaced as a whole.
 *
 * @example
 * const Todo = fields<Todo>({ place: latest() })   // the same as leaving `place` out
 */
export function latest<T>(): MergeType<T> {
  return {
    kind: 'latest',
    read: ({ dots }) => dots.at(-1)?.value,
    // A removal leaves what was written after its writer looked.
    change: (tree, { to, stamp }) => (to === undefined ? tree : leafOf(stamp, to)),
  }
}

export const leafOf = ({ actor, time }: Stamp, value: unknown = null): Tree => treeOf([{ actor, time, value }])

/**
 * A number that tabs add to and subtract from. A change counts as its difference: `likes + 1` in two tabs at once is
 * two more. Whole numbers are exact; others add up as floating-point numbers do.
 *
 * The state has one number for each actor that has counted, for as long as the counter is there. A removal takes away
 * what its writer saw. If an actor counts at the same time, all that this actor has counted stays.
 *
 * @example
 * const Post = fields<Post>({ likes: counter() })
 * change(Post, values, { to: { ...post, likes: post.likes + 1 }, stamp })
 */
export function counter(): MergeType<number> {
  return { kind: 'counter', read, change: count }
}

function count({ dots }: Tree, { from = 0, to = 0, stamp, path }: Edit<number>): Tree {
  if (!Number.isFinite(to)) throw misfit(path, 'a number')
  const isOwn = ({ actor }: Stamp) => actor === stamp.actor
  return treeOf([...dots.filter((dot) => !isOwn(dot)), { ...stamp, value: sum(dots.filter(isOwn)) + to - from }])
}

const read = ({ dots }: Tree): number | undefined => (dots.length === 0 ? undefined : sum(dots))

/** The sum of what actors have counted. Another member may have written anything. */
const sum = (dots: readonly Dot[]): number => dots.reduce((total, { value }) => total + (Number(value) || 0), 0)
