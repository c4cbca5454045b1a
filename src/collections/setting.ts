/**
 * The setting of a collection: its definition, and the node it is opened on.
 */
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

/** The value that stored values come to under the merge type of a collection. */
export function merged({ options }: Pick<Setting, 'options'>, values: readonly unknown[]): unknown {
  return options.merge === undefined ? (read(fields(), values) ?? read(latest(), values)) : read(options.merge, values)
}
