/**
 * The name a key is stored under: its collection and the key itself.
 *
 * Each name begins with `=`, as in version 0.1.0, where the first letter told how conflicts were settled. The hash of
 * the name places the key, so the letter stays.
 */
import type { StoredKey } from '../ids.ts'

export interface KeyName {
  /** Empty for keys of the node itself. Holds no NUL. */
  readonly collection: string
  readonly key: string
}

const first = '='
const separator = '\u0000'

/** Packs a name: `=`, the collection, NUL, the key. */
export function storedKey({ collection, key }: KeyName): StoredKey {
  return `${first}${collection}${separator}${key}` as StoredKey
}

/** Unpacks a name, or null when the text is none (it came from a stranger). */
export function parseStoredKey(text: string): KeyName | null {
  const at = text.indexOf(separator)
  if (at < 1 || at === text.length - 1 || !text.startsWith(first)) return null
  return { collection: text.slice(1, at), key: text.slice(at + 1) }
}

/** The key of the application in a name. */
export const keyIn = (name: StoredKey): string => parseStoredKey(name)?.key ?? name
