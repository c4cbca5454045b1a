/**
 * The pages of the project: links between them lead somewhere, what they name is there, and they can be read in a
 * terminal. Method: read them as text.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const text = (path: string) => readFileSync(join(root, path), 'utf8')

/** Folders that hold what others wrote, or what was built. */
const foreign = new Set(['node_modules', '.git', 'dist', 'test-results'])

/** Every page of the project. */
function pagesUnder(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return foreign.has(entry.name) ? [] : pagesUnder(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

const pages = pagesUnder('.')
/** Written to be read from the top; the changelog only grows. */
const prose = pages.filter((path) => path !== 'CHANGELOG.md')

interface Link {
  /** From the root of the project. */
  readonly target: string
  readonly heading: string | null
}

const withoutCode = (source: string) => source.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')

/** The relative links of a page. */
function linksOf(path: string, source: string): readonly Link[] {
  return [...withoutCode(source).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, to = '']) => {
    if (/^[a-z]+:/.test(to)) return []
    const [file = '', heading = null] = to.split('#')
    const target = file === '' ? path : relative(root, resolve(root, dirname(path), file))
    return [{ target, heading }]
  })
}

/** The names by which the headings of a page can be linked to. */
function headingsOf(source: string): readonly string[] {
  const headings = source.replace(/^```.*?^```/gms, '').match(/^#+ .*$/gm) ?? []
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** What is wrong with the links of a page. */
function brokenIn(path: string, source: string): readonly string[] {
  return linksOf(path, source).flatMap(({ target, heading }) => {
    if (target.startsWith('..') || !existsSync(join(root, target))) return [`${path}: there is no ${target}`]
    if (heading === null || headingsOf(text(target)).includes(heading)) return []
    return [`${path}: ${target} has no heading #${heading}`]
  })
}

/** Files and folders of the project that a page names, as seen from its root. */
function namedIn(source: string): readonly string[] {
  const names = source.match(/(?<![\w./~@-])(?:src|test|docs|bench|demo|signaling)\/[\w./-]*/g) ?? []
  return names.map((name) => name.replace(/[.-]+$/, ''))
}

test('every link of a page leads to a file, and to a heading where it names one', () => {
  expect(pages).toContain('docs/architecture.md')
  expect(pages.flatMap((path) => brokenIn(path, text(path)))).toEqual([])
  const wrong = '[a](no-page.md) [b](../../elsewhere.md) [c](../README.md#no-such-heading) [d](../README.md#see-it)'
  expect(brokenIn('docs/architecture.md', wrong)).toHaveLength(3)
})

test('every file and folder of the project that a page names is there', () => {
  const missing = pages.flatMap((path) =>
    namedIn(text(path)).flatMap((name) => (existsSync(join(root, name)) ? [] : [`${path} names ${name}`])),
  )
  expect(missing).toEqual([])
  expect(namedIn('`src/core/no-file.ts`, (see test/tidy.test.ts), ../src/not-counted.ts.')).toEqual([
    'src/core/no-file.ts',
    'test/tidy.test.ts',
  ])
})

test('every page can be reached from the README', () => {
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path) || !existsSync(join(root, path))) return
    reached.add(path)
    // A link to a folder shows the page it begins with.
    if (!path.endsWith('.md')) visit(join(path, 'README.md'))
    else for (const { target } of linksOf(path, text(path))) visit(target)
  }
  visit('README.md')
  expect(prose.filter((path) => !reached.has(path))).toEqual([])
})

test('the package has every file that a page in it links to', () => {
  const { files } = JSON.parse(text('package.json')) as { readonly files: readonly string[] }
  const packed = ['README.md', 'LICENSE', 'package.json', ...files]
  const isPacked = (path: string) => packed.some((each) => path === each || path.startsWith(`${each}/`))
  const missing = pages
    .filter(isPacked)
    .flatMap((path) =>
      linksOf(path, text(path)).flatMap(({ target }) => (isPacked(target) ? [] : [`${path}: ${target}`])),
    )
  expect(files).toContain('docs')
  expect(missing).toEqual([])
})

test('lines of a page end at 120 columns, those of tables at 150', () => {
  const long = prose.flatMap((path) =>
    text(path)
      .replace(/^```.*?^```/gms, (code) => code.replace(/[^\n]+/g, ''))
      .split('\n')
      .flatMap((line, index) => (line.length > (line.startsWith('|') ? 150 : 120) ? [`${path}:${index + 1}`] : [])),
  )
  expect(long).toEqual([])
})
