/**
 * The name a key is stored under: how its conflicts are settled, its collection, and the key itself.
 *
 * The conflict mode is part of the name because all writes of one key must agree on it: a key written in both modes
 * does not converge. Whoever holds the name knows the mode, so no message has to say it.
 */
import type { StoredKey } from '../ids.ts'

/** `siblings`: every concurrent value is kept. `last-write-wins`: only the greatest (hybrid time, dot) is. */
export type ConflictMode = 'siblings' | 'last-write-wins'

export interface KeyName {
  readonly mode: ConflictMode
  /** Empty for keys of the node itself. Holds no NUL. */
  readonly collection: string
  readonly key: string
}

const separator = '\u0000'

/** Packs a name: `=` or `~` for the mode, the collection, NUL, the key. */
export function storedKey({ mode, collection, key }: KeyName): StoredKey {
  return `${mode === 'siblings' ? '=' : '~'}${collection}${separator}${key}` as StoredKey
}

/** Unpacks a name, or null when the text is none (it came from a stranger). */
export function parseStoredKey(text: string): KeyName | null {
  const at = text.indexOf(separator)
  const mode = text[0] === '=' ? 'siblings' : text[0] === '~' ? 'last-write-wins' : null
  if (at < 1 || at === text.length - 1 || mode === null) return null
  return { mode, collection: text.slice(1, at), key: text.slice(at + 1) }
}

/** How the conflicts of a stored key are settled. */
export function modeOf(key: StoredKey): ConflictMode {
  return key.startsWith('~') ? 'last-write-wins' : 'siblings'
}
