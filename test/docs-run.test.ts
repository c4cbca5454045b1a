/**
 * The code of the README and of the guides does what it says. Method: each block with lines `expression // -> value`
 * runs on a cluster in memory of its own. The value, an expression too, must equal what stands before the arrow.
 */
import * as tanstack from '@tanstack/db'
import ts from 'typescript'
import { expect, test } from 'vitest'
import * as yjs from 'yjs'
import * as zod from 'zod'
import * as tabring from '../src/index.ts'
import { openCluster } from '../src/memory/open-cluster.ts'
import * as merge from '../src/merge/merge.ts'
import * as adapter from '../src/tanstack-db/tanstack-db.ts'
import { blocks, type Code, fileOf } from './guides.ts'

const arrow = /^(.*?) +\/\/ -> (.*)$/gm

/** The modules that a block imports, by name. `openNode` gives the first node of the cluster. */
const modulesFor = (node: tabring.TabringNode): Readonly<Record<string, object>> => ({
  tabring: { ...tabring, openNode: async () => node },
  'tabring/memory': { openCluster },
  'tabring/merge': merge,
  'tabring/tanstack-db': adapter,
  '@tanstack/db': tanstack,
  yjs,
  zod,
})

interface Todo {
  readonly title: string
  readonly votes: number
  readonly tags?: readonly string[]
}
interface Cart {
  readonly eggs: number
}

/** Names that blocks use without importing them. Those of `docs-code.test.ts`, as far as a block that runs needs them. */
function namesFor(cluster: Awaited<ReturnType<typeof openCluster>>) {
  const node = cluster.node(0)
  const type = merge.fields<Todo>({ tags: merge.set(), votes: merge.counter() })
  const Todos = tabring.defineCollection<Todo>('todos', { merge: type })
  const Cursors = tabring.definePresence<{ cursor: number }>('cursors')
  const list = node.collection(Todos).group('list-1')
  const nothing = () => {}
  const functions = { show: nothing, render: nothing, hint: nothing, warn: nothing, log: nothing, drawCursors: nothing }
  const console = { log: nothing }
  const carts = {
    cart: { eggs: 1 },
    emptyCart: { eggs: 0 },
    mergeCarts: (a: Cart, b: Cart): Cart => ({ eggs: Math.max(a.eggs, b.eggs) }),
    add: (cart: Cart, what: string): object => ({ ...cart, [what]: 12 }),
  }
  const given = { cluster, node, Todos, Cursors, list, todos: list, context: null, token: 'a token' }
  const [eggs, milk] = [
    { title: 'eggs', votes: 0 },
    { title: 'milk', votes: 0 },
  ]
  return {
    ...tabring,
    ...merge,
    ...adapter,
    ...tanstack,
    openCluster,
    console,
    ...functions,
    ...carts,
    ...given,
    eggs,
    milk,
  }
}

/** Runs a block. Rejects if a line does not hold, or is never come to. */
async function run({ name, code }: Code): Promise<void> {
  const cluster = await openCluster({ nodes: 3 })
  try {
    let met = 0
    const holds = (line: string, actual: unknown, expected: unknown) => {
      met += 1
      expect(actual, `${name}: ${line}`).toEqual(expected)
    }
    const compared = code.replace(
      arrow,
      (_, line: string, value: string) => `holds(${JSON.stringify(line)}, ${line}, ${value})`,
    )
    const { outputText } = ts.transpileModule(fileOf({ name, code: compared }), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
    })
    const modules = modulesFor(cluster.node(0))
    const given = { ...namesFor(cluster), holds, exports: {}, require: (module: string) => modules[module] }
    await new Function(...Object.keys(given), `${outputText}\nreturn piece()`)(...Object.values(given))
    expect(met, `${name}: lines that were come to`).toBe(code.match(arrow)?.length)
  } finally {
    await cluster.close()
  }
}

const told = blocks.filter(({ name, code }) => name.endsWith('.ts') && code.includes('// -> '))

test.concurrent.each(told)('the code does what it says: $name', run)

test('a line that does not hold, and one that is never come to, are found', async () => {
  expect(told.length).toBeGreaterThan(12)
  expect([...new Set(told.map(({ name }) => name.split(' ')[0]))]).toContain('README.md')
  const runs = (code: string) => run({ name: 'wrong.ts', code })
  await runs("await node.put('a', null, 1)\n(await node.get('a')).values // -> [1]")
  await expect(runs("(await node.get('a')).values // -> ['hello']")).rejects.toThrow('wrong.ts')
  await expect(runs('() => {\n1 // -> 1\n}')).rejects.toThrow('come to')
})
