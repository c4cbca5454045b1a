/**
 * The setting of a collection: its definition, and the node it is opened on.
 */
import { TabringError } from '../errors.ts'
import { fields, latest, read } from '../merge/merge.ts'
import type { NodeAccess } from '../node/api/named-requests.ts'
import type { CollectionOptions } from './define-collection.ts'
import type { StandardSchema } from './standard-schema.ts'

/** A collection as it was defined, with the node it is opened on. */
export interface Setting {
  readonly collection: string
  readonly options: CollectionOptions<unknown> & { readonly schema?: StandardSchema | undefined }
  readonly access: NodeAccess
}

/** Throws `invalid-option` for an option, by name, that is no count. */
export function checkCounts(options: Readonly<Record<string, number | undefined>>): void {
  for (const [name, count] of Object.entries(options))
    if (count !== undefined && (count % 1 !== 0 || count < 1))
      throw new TabringError('invalid-option', `${name} must be a whole number from 1, not ${count}`)
}

/** The value that stored values come to under the merge type of a collection. */
export function merged({ options }: Pick<Setting, 'options'>, values: readonly unknown[]): unknown {
  return options.merge === undefined ? (read(fields(), values) ?? read(latest(), values)) : read(options.merge, values)
}
