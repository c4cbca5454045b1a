/**
 * Merge types: siblings become one value, and nothing that a tab wrote is lost (Dynamo, section 4.4: semantic
 * reconciliation). The shopping cart of the paper is `each(counter())`.
 *
 * A stored value has its merge state inside, and names the kinds of its parts. `read` shows the value that siblings come
 * to. `change` makes the value for the put that follows. It holds all that those siblings hold, and the difference that
 * its writer made. All of this is pure: no clocks, no chance, no node.
 *
 * A state grows with what it shows, and by one entry for each actor that ever wrote the key: some 22 bytes. Nothing
 * clears these entries away yet.
 *
 * @module tabring/merge
 */
import { TabringError } from '../errors.ts'
import {
  type AnyType,
  beginning,
  changeIn,
  type MergeType,
  parseKey,
  placeIn,
  type TypeOf,
  withoutRemains,
} from './merge-type.ts'
import { decodeState, encodeState, isTime, type Stored, timeMax } from './stored.ts'
import { emptyState, join as joinStates, type Stamp, type State, type Tree, treeOf } from './tree.ts'

export { each, fields, set } from './containers.ts'
export { counter, latest } from './leaves.ts'
export type { MergeType } from './merge-type.ts'
export { type Resolve, type ResolverOptions, resolver } from './resolver.ts'
export type { Stored } from './stored.ts'
export type { Stamp } from './tree.ts'

function stateOf(values: readonly unknown[]): State {
  const [first = emptyState, ...others] = values.map(decodeState)
  return others.reduce(joinStates, first)
}

/** The names of the root in a path. */
const root = 'the value'

/**
 * The value that the values of a key come to. Undefined if there are none, or none that the type shows.
 *
 * @example
 * const { values, context } = await node.get('cart:alice')
 * const cart = read(Cart, values) ?? {}
 */
export function read<T>(type: MergeType<T>, values: readonly unknown[]): T | undefined {
  return type.read(placeIn(stateOf(values).tree.children, '', type)) as T | undefined
}

/** The change that `change` makes. */
export interface Change<T> {
  /** The value wanted. Undefined removes it, and leaves a value that says so. */
  readonly to: T | undefined
  /** The value that the writer saw, and changed into `to`. Default: the one that `read` shows. */
  readonly from?: T
  readonly stamp: Stamp
}

/**
 * The value to put in the place of `values`: all that they hold, and the difference between `from` and `to`. Throws
 * `invalid-value` if `to` does not fit the type, and `invalid-option` if the stamp makes no sense.
 *
 * The value is the same, to the byte, however often and in any order the siblings come. So a put that is repeated
 * counts once.
 *
 * @example
 * const next = change(Cart, values, { to: { ...cart, eggs: 12 }, stamp })
 * await node.put('cart:alice', context, next)
 */
export function change<T>(type: MergeType<T>, values: readonly unknown[], { from, to, stamp }: Change<T>): Stored {
  if (!isTime(stamp.time)) throw new TabringError('invalid-option', 'the time of a stamp must be in whole ms')
  const { seen, tree } = stateOf(values)
  let time = stamp.time
  for (const before of seen.values()) time = Math.max(time, Math.min(before + 1, timeMax))
  const places = new Map(tree.children)
  const own = { actor: stamp.actor, time }
  changeIn(places, '', type, { from: from ?? type.read(placeIn(places, '', type)), to, stamp: own, path: root })
  return encodeState({ seen: new Map(seen).set(own.actor, own.time), tree: withoutRemains(treeOf([], places)) })
}

/**
 * One value that holds all that `values` hold, of any merge types. It is commutative, associative and idempotent.
 *
 * @example
 * await node.put(key, context, join(values))   // resolves siblings without knowing what they are
 */
export function join(values: readonly unknown[]): Stored {
  return encodeState(stateOf(values))
}

/**
 * The time of the latest write of an actor that the values have seen. Undefined if they have seen none.
 *
 * @example
 * const isLagging = timeSeen(values, stamp.actor) !== stamp.time
 */
export function timeSeen(values: readonly unknown[], actor: string): number | undefined {
  return stateOf(values).seen.get(actor)
}

/** A part of a value that its merge type does not show: where, and of which kind. */
export interface Unread {
  readonly path: string
  readonly kind: string
}

/**
 * The parts of the values that `type` does not show, because they were written under another definition. They stay
 * stored beside what is shown, and come back with a definition that knows them.
 *
 * @example
 * for (const { path, kind } of unread(Todo, values)) console.warn(`${path} was written as ${kind}`)
 */
export function unread(type: AnyType, values: readonly unknown[]): readonly Unread[] {
  const visit = (tree: Tree, path: string, typeOf: TypeOf): readonly Unread[] =>
    [...tree.children].flatMap(([key, child]) => {
      const { kind, name } = parseKey(key)
      const own = typeOf(name)
      const at = name === '' ? path : `${path}.${name}`
      if (kind !== own.kind && (kind !== 'latest' || beginning(tree.children, name, own) === undefined))
        return [{ path: at, kind }]
      return own.typeOf === undefined || kind === 'latest' ? [] : visit(child, at, own.typeOf)
    })
  return visit(stateOf(values).tree, root, () => type)
}
