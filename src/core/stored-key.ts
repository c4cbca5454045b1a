/**
 * The name a key is stored under: its collection, its group, and the key itself.
 *
 * Each name begins with `=`, as in version 0.1.0, where the first letter told how conflicts were settled. The hash of
 * the name places a key that has no group, so the letter stays. All keys of a group lie in one partition, as Cassandra
 * places rows by a partition key: the hash of collection and group places them.
 */
import type { StoredKey } from './ids.ts'

/** A key with its collection and group. */
export interface KeyName {
  /** Empty for keys of the node itself. Holds no NUL and no U+0001. */
  readonly collection: string
  /** Null for a key that has a place of its own. Holds no NUL and no U+0001. */
  readonly group: string | null
  readonly key: string
}

const first = '='
const groupMark = '\u0001'
const separator = '\u0000'
/** Characters that no name of a collection or group may hold. */
export const marks: readonly string[] = [groupMark, separator]

/** Packs a name: `=`, the collection, U+0001 and the group if there is one, NUL, the key. */
export function storedKey({ collection, group, key }: KeyName): StoredKey {
  return `${prefixOf(collection, group)}${key}` as StoredKey
}

/** The text with which the stored names of a collection or of a group begin. */
export function prefixOf(collection: string, group: string | null): string {
  return `${first}${collection}${group === null ? '' : `${groupMark}${group}`}${separator}`
}

/** The texts with which the stored names of a collection begin: without a group, and with one. */
export const prefixesOf = (collection: string): readonly string[] => [
  `${first}${collection}${separator}`,
  `${first}${collection}${groupMark}`,
]

/** Unpacks a name, or null when the text is none (it came from a stranger). */
export function parseStoredKey(text: string): KeyName | null {
  const at = text.indexOf(separator)
  if (at < 1 || at === text.length - 1 || !text.startsWith(first)) return null
  const [collection = '', group = null, ...rest] = text.slice(1, at).split(groupMark)
  return rest.length > 0 ? null : { collection, group, key: text.slice(at + 1) }
}

/** The name that was packed. A name that came from a stranger is taken for a key. */
export const nameIn = (name: StoredKey): KeyName => parseStoredKey(name) ?? { collection: '', group: null, key: name }

/** The key of the application in a name. */
export const keyIn = (name: StoredKey): string => nameIn(name).key

/** The part of a stored name that places the key: collection and group. Null for a key without a group. */
export function placeIn(name: StoredKey): string | null {
  const at = name.indexOf(separator)
  const mark = name.indexOf(groupMark)
  return mark > 0 && mark < at ? name.slice(0, at) : null
}
