/**
 * The code of the README, of the guides, and of the docstrings' examples compiles against the public surface. Method:
 * each block and each example is a file of its own; what they take for granted is declared here. Blocks with lines
 * `expression // -> value` are also run: `docs-run.test.ts` does that.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { complaints } from './compiler.ts'
import { type Code, blocks as everyBlock, fileOf } from './guides.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const text = (path: string) => readFileSync(join(root, path), 'utf8')

const entries = {
  tabring: 'src/index.ts',
  'tabring/merge': 'src/merge/merge.ts',
  'tabring/react': 'src/react/react.ts',
  'tabring/memory': 'src/memory/open-cluster.ts',
  'tabring/tanstack-db': 'src/tanstack-db/tanstack-db.ts',
  'tabring/signaling': 'signaling/server.ts',
}

/** Names that code may use without importing them. */
const given = `
import type { ReactNode } from 'react'
import type * as tabring from 'tabring'
import type { Group, TabringNode } from 'tabring'
import type * as tabringMemory from 'tabring/memory'
declare global {
  interface Todo { readonly title: string; readonly votes: number; readonly tags?: readonly string[] }
  interface Cart { readonly eggs: number }
  interface ImportMeta { readonly hot?: { dispose(end: () => void): void } }
  const { openNode, defineCollection, definePresence, TabringError }: typeof tabring
  const { fields, counter, set }: typeof import('tabring/merge')
  const { openCluster }: typeof tabringMemory
  const { startSignaling }: typeof import('tabring/signaling')
  const { tabringCollectionOptions }: typeof import('tabring/tanstack-db')
  const { createCollection }: typeof import('@tanstack/db')
  const { TabringProvider, useLive, useMembers, useNode, useStatus }: typeof import('tabring/react')
  const node: TabringNode
  const cluster: tabringMemory.MemoryCluster
  const Todos: tabring.CollectionDefinition<Todo>
  const Todo: tabring.StandardSchema<Todo & { readonly tags: readonly string[] }>
  const Cursors: tabring.PresenceDefinition<{ readonly cursor: number }, { readonly wave: boolean }>
  const here: tabring.Presence<{ readonly cursor: number }, { readonly wave: boolean }>
  const list: Group<Todo>
  const todos: Group<Todo>
  const [eggs, milk]: readonly [Todo, Todo]
  const context: tabring.Context | null
  const [cart, emptyCart]: readonly [Cart, Cart]
  function mergeCarts(a: Cart, b: Cart): Cart
  function add(cart: Cart, what: string): Cart
  const [token, signaling]: readonly [string, string]
  const value: unknown
  const doc: import('yjs').Doc
  const texts: tabring.Collection<Uint8Array>
  const [shown, edited]: readonly [Todo, Todo]
  const file: Blob
  function show(...what: unknown[]): void
  function render(...what: unknown[]): void
  function save(...what: unknown[]): void
  function isUnwanted(values: readonly unknown[]): boolean
  function hint(what: string): void
  function warn(what: string): void
  function log(...what: unknown[]): void
  function drawCursors(others: ReadonlyMap<string, { readonly cursor: number }>): void
  function retryLater(): void
  function createRoot(element: Element): { render(what: ReactNode): void }
  const root: Element
  const App: () => ReactNode
  const server: import('tabring/signaling').SignalingServer
}
`

/** The blocks of this guide build on each other: they are one piece. */
const isOfMerges = ({ name }: Code) => name.includes('conflicts-and-merge-types')
const ofMerges = everyBlock.filter(isOfMerges).map(({ code }) => code)
const blocks = [
  ...everyBlock.filter((block) => !isOfMerges(block)),
  { name: 'conflicts-and-merge-types.ts', code: ofMerges.join('\n') },
]

/** The files beside a block of the guide of frameworks, whose tests run them. */
const beside = `
declare module '*/node' { export const opening: Promise<import('tabring').TabringNode> | null }
declare module '*/todos' { export const Todos: import('tabring').CollectionDefinition<{ title: string }> }
declare module '*/live' {
  export function useLive<V>(live: () => import('tabring').Live<V> | undefined): { readonly value: V | undefined }
}
declare module '*/Todos' {
  export const List: (props: { list: string }) => null
  export const NodeContext: import('solid-js').Context<import('tabring').TabringNode | null>
}
declare module '*.svelte' { const Todos: import('svelte').Component<{ list: string }>; export default Todos }
declare module '*.vue' { const Todos: import('vue').Component<{ list: string }>; export default Todos }
`

/** Folders with docstrings of the public surface. The merge types have a test of their own. */
const documented = ['src/node/api', 'src/collections', 'src/browser', 'src/react', 'src/memory', 'src/tanstack-db']
const examples: readonly Code[] = [
  ...documented.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)),
  'src/errors.ts',
  'signaling/server.ts',
]
  .filter((path) => /\.tsx?$/.test(path))
  .flatMap((path) =>
    [...text(path).matchAll(/\* @example(.*(?:\n *\* (?!@).+)*)/g)].map(([, code = ''], index) => ({
      name: `${path} example ${index + 1}.tsx`,
      code: code.replace(/^ *\* ?/gm, ''),
    })),
  )

/** What the compiler says about pieces of code. */
const complaintsOf = (pieces: readonly Code[]) =>
  complaints(
    new Map([
      ['given.ts', given],
      ['beside.d.ts', beside],
      ...pieces.map((piece) => [piece.name.replaceAll('/', ' '), fileOf(piece)] as const),
    ]),
    entries,
  )

test('the code of the README, the guides and the docstrings compiles, and what is wrong is found', () => {
  expect(blocks.length).toBeGreaterThan(15)
  expect(examples.length).toBeGreaterThan(40)
  const wrong = { name: 'wrong.ts', code: "await list.set('a', { title: 1 })" }
  const told = complaintsOf([...blocks, ...examples, wrong])
  expect(told.filter((line) => !line.startsWith('wrong.ts'))).toEqual([])
  expect(told).toHaveLength(1)
})
