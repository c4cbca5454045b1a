/**
 * Merge types with parts: `set`, `each` and `fields`.
 *
 * The parts are children of the tree. The dots of the tree itself say that the container is there, though it may be
 * empty. Parts that a change does not touch keep their dots, so changes of different parts never meet.
 */
import { latest, leafOf } from './leaves.ts'
import {
  type AnyType,
  changeIn,
  type Edit,
  type MergeType,
  misfit,
  namesIn,
  placeIn,
  type TypeOf,
} from './merge-type.ts'
import { entriesOf, isRecord, textOf } from './plain.ts'
import { emptyTree, type Tree, treeOf } from './tree.ts'

/**
 * An array without order and without twins, that tabs add to and remove from. An element that one tab adds while
 * another removes it stays. Elements are JSON, and equal ones are one. Numbers are shown first, by size; the others
 * follow, sorted by their JSON.
 *
 * @example
 * const Todo = fields<Todo>({ tags: set() })
 * change(Todo, values, { to: { ...todo, tags: [...todo.tags, 'urgent'] }, stamp })
 */
export function set<E>(): MergeType<readonly E[]> {
  return {
    kind: 'set',
    read({ dots, children }) {
      if (dots.length + children.size === 0) return undefined
      const elements = [...children.keys()].flatMap(elementOf)
      const isNumber = (element: unknown) => typeof element === 'number'
      const numbers = elements.filter(isNumber).sort((a, b) => a - b)
      return [...numbers, ...elements.filter((element) => !isNumber(element))]
    },
    change(tree, edit) {
      if (edit.to !== undefined && !Array.isArray(edit.to)) throw misfit(edit.path, 'an array')
      const before = new Set(edit.from?.map(textOf))
      const after = new Set(edit.to?.map(textOf))
      const children = new Map(tree.children)
      for (const text of before) if (!after.has(text)) children.delete(text)
      for (const text of after) {
        if (elementOf(text).length === 0) throw misfit(edit.path, 'an array of JSON')
        if (!before.has(text)) children.set(text, leafOf(edit.stamp))
      }
      return withParts(tree, edit, children)
    },
  }
}

/** The element with this JSON. None if the text is malformed: it came from a stranger. */
function elementOf(json: string): readonly unknown[] {
  try {
    return [JSON.parse(json)]
  } catch {
    return []
  }
}

/**
 * An object whose properties are data: ids, names, dates. All its values are of one type. Tabs add, change and remove
 * entries; an entry that one tab adds or changes while another removes it stays.
 *
 * `each(counter())` is the shopping cart of the paper: nothing added is ever lost. An entry of `fields` is the exception:
 * it is removed as a whole, also while one of its fields is changed, and so it is never shown in part.
 *
 * @example
 * const Cart = each(counter())
 * change(Cart, values, { to: { ...cart, eggs: (cart.eggs ?? 0) + 12 }, stamp })
 */
export function each<V>(type: MergeType<V>): MergeType<Record<string, V>> {
  const typeOf = () => type
  return {
    kind: 'each',
    typeOf,
    read(tree) {
      const entries = partsOf(tree, typeOf)
      return tree.dots.length + entries.length === 0 ? undefined : Object.fromEntries(entries)
    },
    change(tree, edit) {
      if (edit.to !== undefined && !isRecord(edit.to)) throw misfit(edit.path, 'a plain object')
      return changeParts(tree, edit, typeOf)
    },
  }
}

/**
 * An object whose properties the application knows, each with a type of its own. Properties without one are `latest`:
 * changes of different properties are all kept, and of one property the latest wins. It is the merge for objects where
 * an application names none. Name the type of the object, `fields<Todo>`, where a typed property is optional.
 *
 * @example
 * const Todo = fields<Todo>({ tags: set(), votes: counter() })   // title, done, ...: latest
 */
export function fields<T extends object>(
  types: { readonly [K in keyof T]?: MergeType<Exclude<T[K], undefined>> } = {},
): MergeType<T> {
  const named = entriesOf(types) as ReadonlyMap<string, AnyType>
  const typeOf = (name: string): AnyType => named.get(name) ?? latest()
  return {
    kind: 'fields',
    typeOf,
    // Fields that were changed while all were removed are not shown: an object has all that it was written with.
    read: (tree) => (tree.dots.length === 0 ? undefined : Object.fromEntries(partsOf(tree, typeOf))),
    change(tree, edit) {
      if (edit.to === undefined) return emptyTree
      if (!isRecord(edit.to)) throw misfit(edit.path, 'a plain object')
      // A form that is saved after its object was removed brings back all of it.
      return tree.dots.length > 0
        ? changeParts(tree, edit, typeOf)
        : changeParts(emptyTree, { ...edit, from: undefined }, typeOf)
    },
  }
}

/** The parts that show a value, by name. */
function partsOf({ children }: Tree, typeOf: TypeOf): readonly [string, unknown][] {
  return [...namesIn(children)].flatMap((name) => {
    const type = typeOf(name)
    const value = type.read(placeIn(children, name, type))
    return value === undefined ? [] : [[name, value]]
  })
}

/** The container with the differences of its parts. It is there if the writer wants it. */
function changeParts(tree: Tree, edit: Edit<object>, typeOf: TypeOf): Tree {
  const [before, after] = [entriesOf(edit.from), entriesOf(edit.to)]
  const parts = new Map(tree.children)
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(name), after.get(name)]
    changeIn(parts, name, typeOf(name), { ...edit, from, to, path: `${edit.path}.${name}` })
  }
  return withParts(tree, edit, parts)
}

function withParts({ dots }: Tree, { to, stamp }: Edit<unknown>, parts: ReadonlyMap<string, Tree>): Tree {
  return treeOf(to === undefined ? [] : dots.length > 0 ? dots : leafOf(stamp).dots, parts)
}
