/**
 * The compiler, for tests of code that stands in pages and docstrings: it checks texts as if they were files.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Declarations that no source imports. */
const declared = 'src/browser/webrtc/simple-peer.d.ts'

/** The options of an application that is strict. */
export const strict: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: [],
  strict: true,
  noEmit: true,
}

/**
 * What the compiler says about texts, by the name of their files in the root of the project. `entries`: the source of
 * each entry point that they import.
 */
export function complaints(
  texts: ReadonlyMap<string, string>,
  entries: Readonly<Record<string, string>>,
): readonly string[] {
  const files = new Map([...texts].map(([name, text]) => [join(root, name), text]))
  const options: ts.CompilerOptions = {
    ...strict,
    jsx: ts.JsxEmit.ReactJSX,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    paths: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, [join(root, path)]])),
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.getSourceFile = (path, ...rest) => {
    const source = files.get(path)
    return source === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, source, ts.ScriptTarget.Latest)
  }
  const program = ts.createProgram([...files.keys(), join(root, declared)], options, host)
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${file?.fileName.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    )
}
