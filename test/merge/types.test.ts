/**
 * The types that an application sees: what is inferred, and what does not compile. `tsc` checks this file.
 */
import { expectTypeOf, test } from 'vitest'
import { change, counter, each, fields, latest, type MergeType, read, resolver, set } from '../../src/merge/merge.ts'

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly tags: readonly string[]
  readonly votes: number
  readonly due?: Date
  readonly steps?: Record<string, number>
}
const stamp = { actor: 'a', time: 1 }

/** A function that knows its objects by their schema, and is given their merge type. */
function define<S extends { readonly output: unknown }>(options: {
  readonly schema: S
  readonly merge: MergeType<S['output']>
}): MergeType<S['output']> {
  return options.merge
}

test('each type has the type of its values', () => {
  expectTypeOf(latest<Date>()).toEqualTypeOf<MergeType<Date>>()
  expectTypeOf(counter()).toEqualTypeOf<MergeType<number>>()
  expectTypeOf(set<string>()).toEqualTypeOf<MergeType<readonly string[]>>()
  expectTypeOf(each(counter())).toEqualTypeOf<MergeType<Record<string, number>>>()
  expectTypeOf(each(each(set<number>()))).toEqualTypeOf<MergeType<Record<string, Record<string, readonly number[]>>>>()
  expectTypeOf(resolver('highest', (values: readonly number[]) => Math.max(...values))).toEqualTypeOf<
    MergeType<number>
  >()
})

test('fields are given by their object, or come from their types', () => {
  const todo = fields<Todo>({ tags: set(), votes: counter(), steps: each(counter()) })
  expectTypeOf(todo).toEqualTypeOf<MergeType<Todo>>()
  const wanted: MergeType<Todo> = fields({ tags: set(), votes: counter() })
  expectTypeOf(read(wanted, [])).toEqualTypeOf<Todo | undefined>()
  expectTypeOf(fields({ likes: counter(), place: latest<string>() })).toEqualTypeOf<
    MergeType<{ likes: number; place: string }>
  >()
  const defined = define({ schema: { output: {} as Todo }, merge: fields({ tags: set(), votes: counter() }) })
  expectTypeOf(defined).toEqualTypeOf<MergeType<Todo>>()
  const plain = define({ schema: { output: {} as Todo }, merge: fields() })
  expectTypeOf(read(plain, [])).toEqualTypeOf<Todo | undefined>()
})

test('a type that does not fit its property does not compile, nor does a value that does not fit its type', () => {
  expectTypeOf(fields<Todo>).toBeCallableWith({ votes: counter() })
  expectTypeOf<{ title: MergeType<number> }>().not.toExtend<NonNullable<Parameters<typeof fields<Todo>>[0]>>()
  expectTypeOf<{ tittle: MergeType<string> }>().not.toExtend<Required<Parameters<typeof fields<Todo>>>[0]>()
  expectTypeOf(fields({ votes: set() })).not.toExtend<MergeType<Todo>>()
  expectTypeOf(fields({ tittle: latest() })).not.toExtend<MergeType<Todo>>()
  expectTypeOf(counter()).not.toExtend<MergeType<string>>()
  expectTypeOf(change<Todo>)
    .parameter(2)
    .toExtend<{ to: Todo | undefined; from?: Todo }>()
  expectTypeOf(change(counter(), [], { to: 1, stamp })).toExtend<readonly unknown[]>()
})
