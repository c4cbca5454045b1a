/**
 * Five jobs: the library (default), the demo (`--mode demo`), the simulation (`--mode simulate`), the measurements (`--mode bench`),
 * and the tests.
 */
import { playwright } from '@vitest/browser-playwright'
import type { Plugin, PreviewServer } from 'vite'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { startSignaling } from './signaling/server.ts'
import { chromiumArgs, chromiumPermissions, findBrowsers, firefoxPrefs } from './test/browser/browsers.mjs'
import { recipes } from './test/frameworks/recipes.ts'

const demoPort = 5173

/** Runs a signaling server beside the demo and tells the page where: the demo fetches `/signaling`. */
function signalingBesideDemo(): Plugin {
  const serve = async (server: Pick<PreviewServer, 'middlewares' | 'httpServer'>) => {
    const signaling = await startSignaling({ port: Number(process.env['SIGNALING_PORT'] ?? 0) })
    server.middlewares.use('/signaling', (_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ url: signaling.url }))
    })
    server.httpServer?.on('close', () => void signaling.close())
  }
  return { name: 'signaling-beside-demo', configurePreviewServer: serve }
}

const demo = {
  root: 'demo',
  base: './',
  plugins: [signalingBesideDemo()],
  // The countries are one chunk of 1.4 MB, loaded when asked for.
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: { index: 'demo/index.html', node: 'demo/node.html' } },
  },
  preview: { port: Number(process.env['PORT'] ?? demoPort) },
}

const library = {
  build: {
    target: 'es2022',
    minify: false,
    sourcemap: true,
    lib: {
      formats: ['es' as const],
      entry: {
        index: 'src/index.ts',
        memory: 'src/memory/open-cluster.ts',
        merge: 'src/merge/merge.ts',
        react: 'src/react/react.ts',
        'tanstack-db': 'src/tanstack-db/tanstack-db.ts',
        signaling: 'signaling/server.ts',
        'tabring-signaling': 'signaling/bin.ts',
      },
    },
    rolldownOptions: { external: [/^@noble\//, /^@msgpack\//, 'idb', /^simple-peer/, 'ws', 'react', /^node:/] },
  },
}

const program = (entry: string, outDir: string) => ({
  build: { ssr: entry, outDir: `node_modules/.cache/${outDir}`, emptyOutDir: true, target: 'node20' },
})

const browsers = findBrowsers()
const inBrowser = (name: 'chromium' | 'firefox') => ({
  browser: name,
  provider: playwright(
    name === 'chromium'
      ? {
          launchOptions: { ...browsers.chromium, args: chromiumArgs },
          contextOptions: { permissions: chromiumPermissions },
        }
      : { launchOptions: { ...browsers.firefox, firefoxUserPrefs: firefoxPrefs } },
  ),
})

/** Tests in Node that take more than some seconds each: whole rings, properties over thousands of cases, the package. */
const slow = [
  'test/scenarios/*.test.ts',
  'test/simulation/seeds.test.ts',
  'test/package.test.ts',
  'test/core/merkle/reconciliation.test.ts',
  'test/core/partitioning/placement.test.ts',
  'test/merge/{docstrings,ring}.test.ts',
  'test/node/cluster.test.ts',
  'test/collections/{presence,crowded}.test.ts',
  'test/docs-{code,run}.test.ts',
  'test/node/api/value-codec.test.ts',
  'test/node/coordination/sibling-cap.test.ts',
  'test/node/forgetting/forgetting.test.ts',
  'test/node/membership/{capacity,guests}.test.ts',
]

/** Tables of rules come first, the quick ones before the slow ones: a rule that was changed shows red in seconds. */
class RulesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isRule = ({ moduleId }: TestSpecification) => moduleId.includes('/test/core/')
    const sorted = await super.sort(files)
    return [...sorted.filter(isRule).reverse(), ...sorted.filter((file) => !isRule(file))]
  }
}

const setupFiles = ['test/broken-invariants.ts']

const test = () => ({
  sequence: { sequencer: RulesFirst },
  // Vitest would leave one core idle; on two that is half of them.
  maxWorkers: '100%',
  projects: [
    {
      test: {
        name: 'unit',
        include: ['test/**/*.test.ts'],
        exclude: ['test/browser/**', 'test/frameworks/**', '**/*.browser.test.ts', ...slow],
        testTimeout: 120_000,
        setupFiles,
      },
    },
    { test: { name: 'slow', include: slow, testTimeout: 120_000, setupFiles } },
    {
      plugins: [recipes()],
      test: {
        name: 'frameworks',
        include: ['test/frameworks/server.test.ts'],
        environment: 'node',
        testTimeout: 60_000,
      },
    },
    {
      plugins: [recipes()],
      // Nothing is looked for: a dependency that is found late would load the page anew, in the middle of a test.
      optimizeDeps: {
        noDiscovery: true,
        include: [
          'simple-peer/simplepeer.min.js',
          'idb',
          '@msgpack/msgpack',
          '@noble/hashes/legacy.js',
          '@noble/hashes/sha2.js',
          '@noble/hashes/utils.js',
          'fast-check',
          'react',
          'react-dom/client',
          'react/jsx-dev-runtime',
          'solid-js',
          'solid-js/web',
          'svelte',
          'svelte/store',
          'vue',
        ],
      },
      test: {
        name: 'browser',
        include: ['test/{conformance,frameworks,react}/*.browser.test.ts'],
        testTimeout: 60_000,
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright(),
          instances: [inBrowser('chromium'), inBrowser('firefox')],
        },
      },
    },
  ],
})

export default defineConfig(({ command, mode }) => {
  if (mode === 'demo') return demo
  if (mode === 'simulate') return program('test/simulation/cli.ts', 'simulate')
  if (mode === 'bench') return program('bench/sync.ts', 'bench')
  if (mode === 'bench-membership') return program('bench/membership.ts', 'bench-membership')
  return command === 'build' ? library : { ...library, test: test() }
})
