/**
 * A merge type, and the places of a tree that have one.
 *
 * A merge type shows a tree as a value, and records a change of that value in the tree. It does not join: that is the
 * same for all types. A place is known by its name *and* by the kind of its type. Two definitions that disagree about a
 * place do not meet: each keeps a tree of its own there, beside the other.
 *
 * A place that gets a type after it was `latest`, or had none, shows its old value until the first write under the new
 * type. That write holds all of it. Only a counter adds to the old number and leaves it where it is: two tabs that
 * count for the first time must not both take it along. A dot never moves to another place, since states that have seen
 * it in the first would take it for removed.
 */
import { TabringError } from '../errors.ts'
import { equal } from './plain.ts'
import { emptyTree, type Stamp, type Tree, treeOf, union } from './tree.ts'

/** One change of a value, or of a part of it. */
export interface Edit<T> {
  /** The value that the writer saw. Undefined: it saw none. */
  readonly from: T | undefined
  /** The value that it wants. Undefined: none. */
  readonly to: T | undefined
  readonly stamp: Stamp
  /** The place of the part, for people: `the value.tags`. */
  readonly path: string
}

/**
 * The way in which concurrent values of one kind become one. `latest`, `counter`, `set`, `each`, `fields` and
 * `resolver` make one each. An application passes it on; tabring calls its methods.
 *
 * A type of objects with some properties also fits objects with more: they are `latest` in it.
 */
export interface MergeType<T> {
  /** `latest`, `counter`, `set`, `each`, `fields`, or `:name:` of a resolver. */
  readonly kind: string
  /** The value that a tree shows, of type T by what was written. Undefined if it shows none. */
  readonly read: (tree: Tree) => unknown
  /**
   * The tree with the difference between `from` and `to`, which is not nothing. If `to` is undefined, the tree shows
   * something else than `from`: a place that is removed as it was seen is gone.
   */
  readonly change: (tree: Tree, edit: Edit<T>) => Tree
  /** The type of a part; only types with parts have it. */
  readonly typeOf?: TypeOf
}

/** A merge type of some values. `never`: its caller has to know which. */
export type AnyType = MergeType<never>
export type TypeOf = (name: string) => AnyType
type Places = ReadonlyMap<string, Tree>

const kinds = ['latest', 'counter', 'set', 'each', 'fields']

/** The key of a place among the children of a tree: the first letter of its kind, or its resolver, and its name. */
const keyOf = ({ kind }: AnyType, name: string): string => (kind.startsWith(':') ? kind : kind[0]) + name

const latestKey = (name: string) => `l${name}`

/** The kind and the name in a key. */
export function parseKey(key: string): { readonly kind: string; readonly name: string } {
  const [, prefix = '', name = ''] = /^(:[^:]*:|.)(.*)$/s.exec(key) ?? []
  return { kind: kinds.find((kind) => kind.startsWith(prefix)) ?? prefix, name }
}

/** The names of the places, sorted. */
export function namesIn(places: Places): ReadonlySet<string> {
  return new Set([...places.keys()].map((key) => parseKey(key).name).sort())
}

/** The tree of one place. */
export function placeIn(places: Places, name: string, type: AnyType): Tree {
  const [own, first] = [places.get(keyOf(type, name)), beginning(places, name, type)]
  return own !== undefined && first !== undefined ? union(own, first) : (own ?? first ?? emptyTree)
}

/** Makes a change in one place. */
export function changeIn(places: Map<string, Tree>, name: string, type: AnyType, edit: Edit<unknown>): void {
  const { from, to } = edit
  if (equal(from, to)) return
  const [key, first] = [keyOf(type, name), beginning(places, name, type)]
  const isTakenOver = first !== undefined && type.kind !== 'counter'
  const isRemoved = to === undefined && equal(from, type.read(placeIn(places, name, type)))
  // A removal leaves what was written after its writer looked.
  if (isTakenOver && to === undefined && !isRemoved) return
  if (isTakenOver || (isRemoved && first !== undefined)) places.delete(latestKey(name))
  const wanted = isTakenOver ? { ...edit, from: undefined } : edit
  const changed = isRemoved ? emptyTree : type.change(places.get(key) ?? emptyTree, wanted as Edit<never>)
  places.set(key, changed)
}

/** The value of `latest` that a place of another type began with. Undefined if there is none, or none that fits. */
export function beginning(places: Places, name: string, type: AnyType): Tree | undefined {
  const values = places.get(latestKey(name))
  const isOver = type.kind !== 'counter' && places.has(keyOf(type, name))
  if (values === undefined || type.kind === 'latest' || isOver) return undefined
  // A count is one number: those that lost to it do not add to it.
  const dots = type.kind === 'counter' ? values.dots.slice(-1) : values.dots
  try {
    return dots
      .map((dot) => type.change(emptyTree, { from: undefined, to: dot.value as never, stamp: dot, path: '' }))
      .reduce(union)
  } catch {
    return undefined
  }
}

/** The tree without fields that were changed while their object was removed: no type shows them. */
export function withoutRemains({ dots, children }: Tree): Tree {
  const kept = [...children].filter(([key, child]) => !key.startsWith('f') || child.dots.length > 0)
  return treeOf(
    dots,
    kept.map(([key, child]) => [key, withoutRemains(child)]),
  )
}

/** The error for a value that does not fit its merge type. */
export const misfit = (path: string, form: string): TabringError =>
  new TabringError('invalid-value', `${path} must be ${form}. Nothing was stored.`)
