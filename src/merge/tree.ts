/**
 * The state of a merge: the writes it has seen, and a tree of what survives of them.
 *
 * Each write has a stamp. Each piece of the tree that the write left carries that stamp, as its *dot*. A join keeps a
 * dot if both states hold it, or if the other state has not seen it. A dot that was seen and is no longer held was
 * overwritten or removed by a writer that knew it. So join is commutative, associative and idempotent. It does not ask
 * for the meaning of a dot: any node can join states of any merge type. Records join by the same rule, one floor below.
 * (Causal maps and sets of dots: Almeida, Shoker, Baquero 2016. Not in the paper.)
 *
 * `seen` has one time for each actor, that of its latest write. This is exact because an actor's next write builds on
 * its last one. A state that has seen one write of an actor has seen all before it.
 */

/**
 * The name of one write of a value, and its time.
 *
 * - `actor` is a text that no other boot, tab or worker uses, 64 random bits for instance. One rule keeps merges exact:
 *   what an actor put last under a key is among the values of its next change there. A read may lag behind it, so a tab
 *   keeps it in memory. If a tab no longer has it, or the key was deleted meanwhile, the tab goes on as a new actor.
 *   Two changes of one key in one tab must not overlap.
 * - `time` is the wall clock in whole ms. A change raises it above each time that its values have seen.
 *
 * @example
 * const stamp: Stamp = { actor: 'b1946ac92492d234', time: 1_767_225_600_000 }
 */
export interface Stamp {
  readonly actor: string
  readonly time: number
}

/** The trace of one write in one place. Its value never changes: a stamp is used for one write only. */
export interface Dot extends Stamp {
  readonly value: unknown
}

export interface Tree {
  /** In the order of their times, then of their actors. */
  readonly dots: readonly Dot[]
  /** In the order of their keys. None is empty. */
  readonly children: ReadonlyMap<string, Tree>
}

export interface State {
  /** By actor: the time of its latest write that this state knows, and with it all earlier ones. */
  readonly seen: ReadonlyMap<string, number>
  readonly tree: Tree
}

export const emptyTree: Tree = { dots: [], children: new Map() }
export const emptyState: State = { seen: new Map(), tree: emptyTree }

const isEmpty = ({ dots, children }: Tree): boolean => dots.length === 0 && children.size === 0

/** A tree of these dots and children: sorted, each dot once, without empty children. */
export function treeOf(dots: readonly Dot[], children: Iterable<readonly [string, Tree]> = []): Tree {
  const named = new Map(dots.map((dot) => [dotName(dot), dot]))
  return {
    dots: [...named.values()].sort((a, b) => a.time - b.time || compareText(a.actor, b.actor)),
    children: new Map([...children].filter(([, tree]) => !isEmpty(tree)).sort(([a], [b]) => compareText(a, b))),
  }
}

/** The state that has seen what either has seen; the head of this file has the rule. */
export function join(a: State, b: State): State {
  const seen = new Map(a.seen)
  for (const [actor, time] of b.seen) seen.set(actor, Math.max(time, seen.get(actor) ?? time))
  const joinTrees = (left: Tree, right: Tree): Tree =>
    treeOf(
      [...survivors(left, right, b), ...survivors(right, left, a)],
      [...new Map([...left.children, ...right.children]).keys()].map((key) => [
        key,
        joinTrees(left.children.get(key) ?? emptyTree, right.children.get(key) ?? emptyTree),
      ]),
    )
  return { seen, tree: joinTrees(a.tree, b.tree) }
}

/** The dots of `mine` that `other` holds too or has not seen. */
function survivors(mine: Tree, other: Tree, { seen }: State): readonly Dot[] {
  const held = new Set(other.dots.map(dotName))
  return mine.dots.filter((dot) => held.has(dotName(dot)) || dot.time > (seen.get(dot.actor) ?? -1))
}

/** All that either tree holds. Neither counts as having seen the other. */
export function union(a: Tree, b: Tree): Tree {
  const neither = new Map<string, number>()
  return join({ seen: neither, tree: a }, { seen: neither, tree: b }).tree
}

/** A text that tells two dots apart. */
export const dotName = ({ actor, time }: Stamp): string => `${time} ${actor}`

export function compareText(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0
  return a < b ? -1 : 1
}
