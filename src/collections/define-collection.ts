/**
 * Definitions: what all tabs must agree on about a collection, as a value at module level (not in the paper).
 *
 * A definition carries the code of its collection. So an application that defines none pays nothing for it.
 */
import { TabringError } from '../errors.ts'
import { join, type MergeType } from '../merge/merge.ts'
import { accessOf } from '../node/access.ts'
import type { Definition } from '../node/api/named-requests.ts'
import { openCollection } from './collection.ts'
import { checkCounts } from './setting.ts'
import type { InputOf, OutputOf, StandardSchema } from './standard-schema.ts'
import type { Collection } from './types.ts'

/** The options of `defineCollection`. */
export interface CollectionOptions<T> {
  /**
   * The way in which concurrent values become one. Default: `fields()` for plain objects, `latest()` for anything else.
   * All tabs must give the same one.
   */
  readonly merge?: MergeType<T>
  /** Nodes that must answer a read, 1 to n. Default: the node's `r`. */
  readonly r?: number
  /** Nodes that must have stored a write, 1 to n. Default: the node's `w`. */
  readonly w?: number
  /** The time, ms, after which a value that is not written again counts as deleted. Default: never. */
  readonly expiresAfterMs?: number
}

/** A collection as `node.collection` takes it. */
export type CollectionDefinition<T, In = T> = Definition<Collection<T, In>>

/**
 * Defines a collection. Values are checked by the schema when they are written and when they are read, so a default in
 * it fills what an older version did not know. It must check at once, without promises. Throws `invalid-option`.
 *
 * @example
 * const Todos = defineCollection('todos', { schema: Todo, merge: fields({ tags: set(), votes: counter() }) })
 */
export function defineCollection<S extends StandardSchema>(
  name: string,
  options: CollectionOptions<OutputOf<S>> & { readonly schema: S },
): CollectionDefinition<OutputOf<S>, InputOf<S>>
export function defineCollection<T = unknown>(
  name: string,
  options?: CollectionOptions<T> & { readonly schema?: undefined },
): CollectionDefinition<T>
export function defineCollection(
  name: string,
  options: CollectionOptions<unknown> & { readonly schema?: StandardSchema | undefined } = {},
): CollectionDefinition<unknown> {
  if (typeof name !== 'string' || !name) throw new TabringError('invalid-option', 'a collection needs a name')
  checkCounts({ r: options.r, w: options.w, expiresAfterMs: options.expiresAfterMs })
  return { name, open: (inside) => openCollection(name, options, accessOf(inside, join)) }
}
