/**
 * Standard Schema, version 1: the interface that Zod, Valibot, ArkType and others share (standardschema.dev).
 *
 * Its authors allow copies of these types, so that no package is needed for them.
 */

export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validated<Out> | Promise<Validated<Out>>
    /** Types only: never there at run time. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

type Validated<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/** The values that a schema takes. */
export type InputOf<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input']
/** The values that a schema gives. */
export type OutputOf<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output']

/** The value as the schema gives it, or what is wrong with it. */
export type Checked<T> = { readonly value: T } | { readonly fault: string }

/** Checks a value. A schema that needs time to check is a fault: views must show a value at once. */
export function checked<T>(schema: StandardSchema<unknown, T> | undefined, value: unknown): Checked<T> {
  if (schema === undefined) return { value: value as T }
  let result: ReturnType<(typeof schema)['~standard']['validate']>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    // A schema may throw on a value that its author never met: any member may have written it.
    return { fault: `the schema throws: ${String(error)}` }
  }
  if (result instanceof Promise) return { fault: 'the schema must check values at once' }
  if (result.issues === undefined) return { value: result.value }
  const [issue] = result.issues
  const path = issue?.path?.map((part) =>
    typeof part === 'object' && part !== null && 'key' in part ? part.key : part,
  )
  return {
    fault: `${path === undefined || path.length === 0 ? '' : `${path.join('.')}: `}${issue?.message ?? 'invalid'}`,
  }
}
