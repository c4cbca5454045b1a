/**
 * The code of the docstrings of merge types compiles. Method: each is a file of its own. Tests of pages compile and run
 * the guide.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { complaints } from '../compiler.ts'

const root = resolve(import.meta.dirname, '../..')
const text = (path: string) => readFileSync(join(root, path), 'utf8')

/** The examples of the docstrings, each alone. */
const examples = readdirSync(join(root, 'src/merge'))
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => [...text(`src/merge/${name}`).matchAll(/\* @example\n((?: *\* .*\n)+)/g)])
  .map(([, code = '']) => code.replace(/^ *\* /gm, ''))

const names =
  'change, counter, each, fields, join, latest, read, resolver, set, timeSeen, unread, type MergeType, type Stamp'
/** What the examples take for granted. */
const given = `import { ${names} } from 'tabring/merge'
import type { Context, TabringNode } from 'tabring'
declare const node: TabringNode
declare const key: string, context: Context | null, stamp: Stamp, values: readonly unknown[]
declare const Cart: ReturnType<typeof carts>, cart: Record<string, number>
declare const mergeUpdates: (all: readonly Uint8Array[]) => Uint8Array, textOf: (update: Uint8Array) => string
interface Todo { title: string; place: string; tags: readonly string[]; votes: number }
declare const todo: Todo, Todo: MergeType<Todo>
interface Post { likes: number }
declare const post: Post
declare const console: { warn(text: string): void }
const carts = () => each(counter())
`

/** What the compiler says about these files. */
const complaintsOf = (files: ReadonlyMap<string, string>) =>
  complaints(files, { 'tabring/merge': 'src/merge/merge.ts', tabring: 'src/node/api/tabring-node.ts' })

test('the code of each docstring compiles', () => {
  const inFunction = (code: string) => `${given}export async function example() {\n${code}\n}\n`
  const files = new Map(examples.map((code, index) => [`example-${index}.ts`, inFunction(code)] as const))
  expect(examples.length).toBeGreaterThan(10)
  expect(complaintsOf(files)).toEqual([])
  expect(complaintsOf(new Map([['wrong.ts', inFunction("read(Cart, 'no values')")]]))).toHaveLength(1)
})
