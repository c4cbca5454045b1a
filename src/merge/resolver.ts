/**
 * A merge type of the application's own: a function that makes one value of several.
 *
 * Concurrent values stay beside each other until a write has seen them, so the function is needed only where the value
 * is shown. Nodes that lack it lose nothing. It must obey three laws, or tabs show different values; in development
 * they are checked on the values that it meets.
 */
import { TabringError } from '../errors.ts'
import { leafOf } from './leaves.ts'
import type { MergeType } from './merge-type.ts'
import { equal, textOf } from './plain.ts'
import type { Tree } from './tree.ts'

/** Makes one value of two or more. It must not change them. */
export type Resolve<T> = (values: readonly T[]) => T

/** The options of `resolver`. */
export interface ResolverOptions<T> {
  /**
   * True if two values mean the same, though their bytes may differ. Default: they are the same data.
   *
   * @example
   * resolver('yjs', mergeUpdates, { equals: (a, b) => textOf(a) === textOf(b) })
   */
  readonly equals?: (a: T, b: T) => boolean
}

/**
 * A merge type that resolves concurrent values by a function. `name` is stored with the value: letters, digits, `-`,
 * `_` and `.`; give a function that resolves otherwise another name. Throws `invalid-option` for another name.
 *
 * The function must be *commutative* (the order of values does not matter), *associative* (nor does it matter which of
 * them are resolved first) and *idempotent* (a value resolved with itself stays). In development, where bundlers set
 * `process.env.NODE_ENV` to something else than `production`, a read of concurrent values checks this. It throws
 * `invalid-option` with the law and the values.
 *
 * @example
 * const Score = resolver('highest', (values: readonly number[]) => Math.max(...values))
 */
export function resolver<T>(
  name: string,
  resolve: Resolve<T>,
  { equals = equal }: ResolverOptions<T> = {},
): MergeType<T> {
  if (!/^[\w.-]+$/.test(name)) {
    throw new TabringError('invalid-option', `a resolver cannot be named ${name}`)
  }
  const resolved = (values: readonly T[]): T => {
    if (isDevelopment()) checkLaws(name, resolve, equals, values)
    return resolve(values)
  }
  const read = ({ dots }: Tree): T | undefined => {
    const values = dots.map(({ value }) => value as T)
    return values.length > 1 ? resolved(values) : values[0]
  }
  return {
    kind: `:${name}:`,
    read,
    change(tree, { from, to, stamp }) {
      if (to === undefined || (from !== undefined && equals(from, to))) return tree
      const shown = read(tree)
      // A writer that saw an older value has not seen all that this one would replace.
      const isStale = shown !== undefined && (from === undefined || !equals(from, shown))
      return leafOf(stamp, isStale ? resolved([shown, to]) : to)
    },
  }
}

declare const process: { readonly env: { readonly NODE_ENV?: string } }

/** Bundlers replace the text `process.env.NODE_ENV`. A page without a bundler has no `process`. */
function isDevelopment(): boolean {
  try {
    return process.env.NODE_ENV !== 'production'
  } catch {
    return false
  }
}

/** Throws if the function breaks one of its laws on these values, two or more. */
function checkLaws<T>(name: string, resolve: Resolve<T>, equals: (a: T, b: T) => boolean, values: readonly T[]): void {
  const whole = resolve(values)
  const [first, last] = [values[0], values.at(-1)] as [T, T]
  const most = values.length > 2 ? resolve(values.slice(0, -1)) : whole
  const laws: readonly (readonly [law: string, values: readonly T[], expected: T])[] = [
    ['commutative', [...values].reverse(), whole],
    ['idempotent', [first, first], first],
    ['associative', [most, last], whole],
  ]
  for (const [law, others, expected] of laws) {
    const result = resolve(others)
    if (equals(result, expected)) continue
    const [of, made, wanted] = [others, result, expected].map((each) => textOf(each).slice(0, 200))
    throw new TabringError(
      'invalid-option',
      `the resolver ${name} is not ${law}: of ${of} it makes ${made}, not ${wanted}`,
    )
  }
}
