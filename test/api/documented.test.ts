/**
 * Every public name says what it is, and every function, class and method shows an example. Method: ask the compiler for
 * the exports of each entry point of the package, and read their comments.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The source of each entry point: the place of its types, without the folder that they are built into. */
const entryPoints = Object.values(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly exports: object }).exports,
).flatMap((entry: { readonly types?: string } | string) =>
  typeof entry === 'string' || entry.types === undefined
    ? []
    : [entry.types.replace('./dist/types/', '').replace('.d.ts', '.ts')],
)

type Documented = Pick<ts.Symbol, 'getDocumentationComment' | 'getJsDocTags'>

/** What a name of the surface lacks: the comment, the example, or nothing. */
function lacking(name: string, symbol: Documented, isCalled: boolean, checker: ts.TypeChecker): readonly string[] {
  if (symbol.getDocumentationComment(checker).length === 0) return [`${name} has no docstring`]
  const hasExample = symbol.getJsDocTags(checker).some((tag) => tag.name === 'example')
  return isCalled && !hasExample ? [`${name} has no example`] : []
}

/** What the exported names of a file lack. */
function faultsOf(path: string, program: ts.Program): readonly string[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(path)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) return [`${path} exports nothing`]
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const own = lacking(
      symbol.name,
      symbol,
      (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class)) > 0,
      checker,
    )
    const methods = [...(symbol.members?.values() ?? [])].filter(({ flags }) => flags & ts.SymbolFlags.Method)
    return [...own, ...methods.flatMap((each) => lacking(`${symbol.name}.${each.name}`, each, true, checker))]
  })
}

test('the reference is made of all entry points of the package', () => {
  const { entryPoints: referred } = JSON.parse(readFileSync(join(root, 'test/api/typedoc.json'), 'utf8')) as {
    readonly entryPoints: readonly string[]
  }
  expect(entryPoints).toContain('src/index.ts')
  expect(entryPoints.length).toBeGreaterThan(5)
  expect(referred.map((path) => path.replace('../../', ''))).toEqual(entryPoints)
})

const options: ts.CompilerOptions = { noLib: true, types: [], allowImportingTsExtensions: true, noEmit: true }

/** A program of sources of this project alone: what packages declare is not looked at. */
function programOf(paths: readonly string[], textOf?: (path: string) => string): ts.Program {
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile } = host
  host.fileExists = (path) => !path.includes('node_modules') && fileExists(path)
  host.getSourceFile = (path, ...rest) =>
    textOf === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest)
  return ts.createProgram(paths, options, host)
}

test('every public name has a docstring, and every function, class and method an example', () => {
  const paths = entryPoints.map((path) => join(root, path))
  const program = programOf(paths)
  expect(paths.flatMap((path) => faultsOf(path, program))).toEqual([])
})

test('a name without a docstring, and a method without an example, are found', () => {
  const text = '/** A thing. */\nexport interface Thing {\n  /** Does it. */\n  run(): void\n}\nexport type Bare = 1'
  expect(
    faultsOf(
      'thing.ts',
      programOf(['thing.ts'], () => text),
    ),
  ).toEqual(['Thing.run has no example', 'Bare has no docstring'])
})
