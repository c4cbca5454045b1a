/**
 * The package as an application gets it: packed, installed into an empty project, built by three bundlers, and run in
 * two browsers by the code that the README shows first.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build as esbuild } from 'esbuild'
import ts from 'typescript'
import { preview, build as vite } from 'vite'
import webpack from 'webpack'
import type { TabringNode } from '../../src/index.ts'
import { strict } from '../compiler.ts'
import { expect, type Profile, test } from './world.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** The first block of a page, with the address of a signaling server of the test. */
async function firstBlock(page: string, signaling: string): Promise<string> {
  const [, code = ''] = /```ts\n(.*?)```/s.exec(await readFile(join(root, page), 'utf8')) ?? []
  expect(code).toContain("'ws://127.0.0.1:8787'")
  return code.replace('ws://127.0.0.1:8787', signaling)
}

const firstExample = async (signaling: string) =>
  `${await firstBlock('README.md', signaling)}\nObject.assign(globalThis, { node, put })\n`

let project = ''
test.beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'tabring-packed-'))
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], { cwd: root })
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }')
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${stdout.trim()}`], { cwd: project })
})
test.afterAll(() => rm(project, { recursive: true, force: true }))

const file = (name: string) => join(project, name)

type Bundler = 'vite' | 'webpack' | 'esbuild'
/** Builds an entry into a folder of the project. Returns its bytes of JavaScript. */
async function bundled(bundler: Bundler, entry: string, folder: string): Promise<number> {
  const outDir = file(folder)
  if (bundler === 'vite') {
    const rolldownOptions = { input: file(entry) }
    const build = { outDir, rolldownOptions, target: 'es2022', modulePreload: false } as const
    await vite({ root: project, configFile: false, logLevel: 'error', build })
  } else if (bundler === 'esbuild')
    await esbuild({
      entryPoints: [file(entry)],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      outfile: join(outDir, 'main.js'),
    })
  else
    await new Promise<void>((resolve, reject) =>
      webpack(
        {
          mode: 'production',
          context: project,
          entry: file(entry),
          output: { path: outDir, filename: 'main.js', module: true },
          experiments: { outputModule: true },
          performance: false,
        },
        (error, stats) => {
          if (error !== null || stats?.hasErrors() === true) reject(error ?? new Error(stats?.toString()))
          else resolve()
        },
      ),
    )
  const files = await readdir(outDir, { recursive: true })
  const sizes = files.filter((name) => name.endsWith('.js')).map(async (name) => (await stat(join(outDir, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

test('the command of the signaling server says what it needs, where it is not installed', async () => {
  const outcome = await run('npx', ['--no-install', 'tabring-signaling'], { cwd: project }).catch((error) => error)
  expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('npm install ws') })
})

test('every entry point can be imported on a server, and touches no global', async () => {
  for (const name of ['ws', 'react']) await symlink(join(root, 'node_modules', name), file(`node_modules/${name}`))
  const { exports } = JSON.parse(await readFile(file('node_modules/tabring/package.json'), 'utf8')) as {
    exports: Record<string, unknown>
  }
  const entries = Object.keys(exports).filter((name) => name !== './package.json')
  expect(entries.length).toBeGreaterThan(4)
  const code = `
    const before = Object.getOwnPropertyNames(globalThis).length
    for (const name of ${JSON.stringify(entries)}) await import('tabring' + name.slice(1))
    console.log(String(Object.getOwnPropertyNames(globalThis).length - before))`
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: project })
  expect([stdout.trim(), stderr]).toEqual(['0', ''])
})

test('the first example of the README is right by the types of the package', async () => {
  await writeFile(file('main.ts'), await firstExample('ws://127.0.0.1:8787'))
  const program = ts.createProgram([file('main.ts')], strict)
  const told = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
  expect(told).toEqual([])
})

for (const bundler of ['vite', 'webpack', 'esbuild'] as const) {
  test(`what a page does not use costs it nothing, built by ${bundler}`, async () => {
    const page = "import { openNode } from 'tabring'\nglobalThis.open = openNode\n"
    const unused = `import { defineCollection, definePresence } from 'tabring'
      import { counter, fields } from 'tabring/merge'\n`
    await writeFile(file(`bare-${bundler}.js`), page)
    await writeFile(file(`more-${bundler}.js`), unused + page)
    const bare = await bundled(bundler, `bare-${bundler}.js`, `bare-${bundler}`)
    expect(await bundled(bundler, `more-${bundler}.js`, `more-${bundler}`)).toBe(bare)
  })

  test(`the first example of the README works in two browsers, built by ${bundler}`, async ({ world }) => {
    await served(bundler, 'app', await firstExample(world.signaling.url), async (url) => {
      const profiles = [await world.profile('chromium'), await world.profile('chromium')]
      for (const profile of profiles) {
        await profile.start()
        await profile.page.goto(url)
        await profile.page.waitForFunction(() => 'put' in globalThis)
      }
      for (const { page } of profiles) {
        const eggs = () =>
          page.evaluate(async () => {
            const { node } = globalThis as unknown as { node: TabringNode }
            return (await node.get<number>('eggs')).values
          })
        await expect.poll(async () => Math.max(...(await eggs())), { timeout: 60_000 }).toBe(2)
      }
    })
  })
}

test('the first app of the guide shows in one browser what is added in another', async ({ world }) => {
  const code = await firstBlock('docs/guides/first-app.md', world.signaling.url)
  await served('esbuild', 'list', code, async (url) => {
    const [one, two] = [await world.profile('chromium'), await world.profile('chromium')]
    for (const { page } of await started([one, two])) await page.goto(url)
    for (const { page } of [one, two, one]) {
      await page.fill('input', 'eggs')
      await page.press('input', 'Enter')
    }
    for (const { page } of [one, two])
      await expect.poll(() => page.textContent('ul'), { timeout: 60_000 }).toBe('3 eggs')
    await expect.poll(() => one.page.textContent('p'), { timeout: 60_000 }).toBe('')
  })
})

async function started(profiles: readonly Profile[]): Promise<readonly Profile[]> {
  for (const profile of profiles) await profile.start()
  return profiles
}

/** Builds code as an application, and serves it as a page while `work` goes on. */
async function served(
  bundler: Bundler,
  name: string,
  code: string,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  await writeFile(file(`${name}-${bundler}.js`), ts.transpileModule(code, { compilerOptions }).outputText)
  await bundled(bundler, `${name}-${bundler}.js`, `${name}-${bundler}`)
  const outDir = file(`${name}-${bundler}`)
  const [main] = (await readdir(outDir, { recursive: true })).filter((each) => each.endsWith('.js'))
  const page = `<!doctype html><meta charset="utf-8"><body><script type="module" src="/${main}"></script>`
  await writeFile(join(outDir, 'index.html'), page)
  const settings = {
    root: project,
    configFile: false,
    build: { outDir },
    preview: { port: 0, host: '127.0.0.1' },
  } as const
  const server = await preview({ ...settings, logLevel: 'error' })
  try {
    const address = server.httpServer.address()
    if (address === null || typeof address === 'string') throw new Error('the page server has no port')
    await work(`http://127.0.0.1:${address.port}/`)
  } finally {
    await server.close()
  }
}
