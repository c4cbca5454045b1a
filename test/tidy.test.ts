/**
 * The house rules that neither compiler nor linter sees: who may import whom, how long a file may be, what may not be
 * mentioned. Method: read the sources as text.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

function filesUnder(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|css|html)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('dist/'))
}

const sources = ['src', 'signaling', 'demo'].flatMap(filesUnder)
const text = (path: string) => readFileSync(join(root, path), 'utf8')

/** Where the relative imports of a file lead, and whether each is of types only. */
function importsOf(path: string): readonly { readonly target: string; readonly types: boolean }[] {
  const pattern = /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'(\.[^']+)'/gm
  return [...text(path).matchAll(pattern)].map(([, type, specifier]) => ({
    target: relative(root, resolve(root, dirname(path), specifier ?? '')),
    types: type !== undefined,
  }))
}

const kernel = /^src\/core\/(ids|hash|utf8|bounds|assert|stored-key)\.ts$/
const concept = /^src\/core\/(partitioning|versioning|quorum|membership|merkle|acceptance|wire)\//
const edges = ['src/errors.ts', 'src/ports.ts']

/** The rooms of a node, the top floor first: a room imports only rooms below it. The first is the folder itself. */
const rooms = [
  '',
  'handoff',
  'anti-entropy',
  'following',
  'scanning',
  'coordination',
  'membership',
  'transfer',
  'storage',
  'network',
  'forgetting',
  'ownership',
  'api',
  'scheduling',
]

/** The files of one room. */
const roomFilesMax = 9

/** The floor of a file of the node, counted from the top; -1 for a room that is not in the list. */
const floorOf = (path: string) => rooms.indexOf(/^src\/node\/(?:(.+)\/)?[^/]+$/.exec(path)?.[1] ?? '')

/** Why a file may not import another, or null. The table of the design's section on rooms. */
function forbidden(from: string, to: string, types: boolean): string | null {
  if (to === 'src/index.ts' && !/^(demo|test)\//.test(from)) return 'nothing imports the public surface but its users'
  if (kernel.test(from)) return kernel.test(to) ? null : 'the kernel imports the kernel'
  const own = concept.exec(from)?.[1]
  if (own !== undefined) {
    const other = concept.exec(to)?.[1]
    if (kernel.test(to) || other === own) return null
    if (other === undefined) return 'the core imports the core'
    if (own === 'wire' || (own === 'merkle' && other === 'wire')) return null
    // What becomes of a value is a rule about records.
    if (own === 'acceptance' && other === 'versioning') return null
    return types ? null : 'concepts of the core know nothing of each other'
  }
  if (from === 'src/ports.ts') return to === 'src/core/ids.ts' && types ? null : 'ports name ids, and nothing else'
  if (from.startsWith('src/node/')) {
    if (to.startsWith('src/node/')) return floorOf(to) < floorOf(from) ? 'a room imports rooms below it' : null
    return to.startsWith('src/core/') || edges.includes(to) ? null : 'a node reaches the world through its ports'
  }
  const above = /^src\/(merge|collections|react|tanstack-db)\//.exec(from)?.[1]
  if (above !== undefined) {
    const doors: Readonly<Record<string, readonly RegExp[]>> = {
      merge: [],
      collections: [/^src\/merge\//, /^src\/node\/api\//, /^src\/node\/(access|messaging)\.ts$/],
      react: [/^src\/collections\//, /^src\/node\/api\//],
      'tanstack-db': [/^src\/collections\//],
    }
    const isOpen = to.startsWith(`src/${above}/`) || edges.includes(to) || doors[above]?.some((door) => door.test(to))
    return isOpen === true ? null : 'what is built on a node knows its interface, and its doors'
  }
  const world = /^src\/(browser|memory)\//.exec(from)?.[1]
  if (world !== undefined) {
    if (kernel.test(to) || to.startsWith('src/core/wire/') || to.startsWith(`src/${world}/`)) return null
    if ([...edges, 'src/system-clock.ts'].includes(to)) return null
    const isRoot = /\/open-(node|cluster)\.ts$/.test(from)
    return isRoot && to.startsWith('src/node/')
      ? null
      : 'an edge knows its ports; only its composition root knows nodes'
  }
  if (from.startsWith('signaling/')) {
    return to.startsWith('signaling/') || to.startsWith('src/core/wire/') || kernel.test(to)
      ? null
      : 'signaling knows the wire only'
  }
  if (from.startsWith('demo/'))
    return to.startsWith('demo/') || to === 'src/index.ts' ? null : 'the demo uses the public surface'
  return null
}

test('imports point downward only', () => {
  const wrong = sources.flatMap((from) =>
    importsOf(from).flatMap(({ target, types }) => {
      const why = forbidden(from, target, types)
      return why === null ? [] : [`${from} imports ${target}: ${why}`]
    }),
  )
  expect(wrong).toEqual([])
  expect(forbidden('src/core/quorum/decision.ts', 'src/node/coordination/read.ts', false)).not.toBeNull()
  expect(forbidden('src/merge/tree.ts', 'src/core/ids.ts', false)).not.toBeNull()
  expect(forbidden('src/node/storage/replica.ts', 'src/node/handoff/leaving.ts', false)).not.toBeNull()
})

test('a node has the rooms of the list, and no room has more than nine files', () => {
  const files = sources.filter((path) => path.startsWith('src/node/') && !path.endsWith('.d.ts'))
  expect(files.filter((path) => floorOf(path) === -1)).toEqual([])
  for (const room of rooms) {
    const inside = files.filter((path) => rooms[floorOf(path)] === room)
    expect(inside.length).toBeGreaterThan(0)
    expect(inside.length).toBeLessThanOrEqual(roomFilesMax)
  }
})

test('simple-peer is named by one file, and its default servers by none', () => {
  const naming = sources.filter((path) => text(path).includes("'simple-peer/") && !path.endsWith('.d.ts'))
  expect(naming).toEqual(['src/browser/webrtc/webrtc-channel.ts'])
  expect(sources.filter((path) => /['"](stun|turn):/.test(text(path)))).toEqual([])
})

test('no file is longer than 400 lines', () => {
  expect(sources.filter((path) => text(path).split('\n').length > 400)).toEqual([])
})

/** Every function of a file, and the lines it takes. */
function functionsOf(path: string): readonly { readonly node: ts.SignatureDeclaration; readonly lines: number }[] {
  const file = ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest, true)
  const found: { node: ts.SignatureDeclaration; lines: number }[] = []
  const lineAt = (at: number) => file.getLineAndCharacterOfPosition(at).line
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) found.push({ node, lines: lineAt(node.end) - lineAt(node.getStart()) + 1 })
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

test('no function is longer than 60 lines', () => {
  const long = sources
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      functionsOf(path).flatMap(({ node, lines }) => (lines > 60 ? [`${path} ${node.name?.getText() ?? ''}`] : [])),
    )
  expect(long).toEqual([])
})

test('no constructor of the node takes more than five parameters, or an object of more than ten parts', () => {
  const paths = sources.filter((path) => path.startsWith('src/node/'))
  const parts = new Map(
    paths.flatMap((path) =>
      [...text(path).matchAll(/^(?:export )?interface (\w+Parts) \{\n((?: {2}.*\n)+)\}/gm)].map(
        ([, name, body]) => [name, body?.match(/^ {2}readonly \w+/gm)?.length ?? 0] as const,
      ),
    ),
  )
  expect(parts.get('ExchangeParts')).toBeGreaterThan(5)
  expect([...parts].filter(([, count]) => count > 10)).toEqual([])
  const wide = paths.flatMap((path) =>
    functionsOf(path).flatMap(({ node }) =>
      ts.isConstructorDeclaration(node) && node.parameters.length > 5 ? [path] : [],
    ),
  )
  expect(wide).toEqual([])
})

test('the core, the node and merge types take time and chance as arguments', () => {
  const ambient = /\b(Date\.now|Math\.random|setTimeout|setInterval|performance\.now|crypto\.|new Date\(\))/
  const inside = sources.filter((path) => /^src\/(core|node|merge)\//.test(path))
  expect(inside.filter((path) => ambient.test(text(path)))).toEqual([])
})

test('every module of the library begins with its idea', () => {
  const bare = sources.filter((path) => path.endsWith('.ts') && !/^(#!.*\n)?\/\*\*/.test(text(path)))
  expect(bare).toEqual([])
})

test('nothing unfinished, skipped or slept on is left lying about', () => {
  const everything = [...sources, ...filesUnder('test')].filter((path) => !path.endsWith('tidy.test.ts'))
  const leftovers = /\b(TODO|FIXME|XXX)\b|\.(only|skip)\(|waitForTimeout|@ts-ignore|@ts-expect-error/
  expect(everything.filter((path) => leftovers.test(text(path)))).toEqual([])
})
