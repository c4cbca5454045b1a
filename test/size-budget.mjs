/**
 * What an application pays for tabring: the library minified and compressed, without and with its dependencies, and what
 * each further entry point adds to it. Fails over budget.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const dependencies = [/^@noble\//, /^@msgpack\//, 'idb', /^simple-peer/]

/** The bytes of a page that uses these exports. */
async function gzipBytes(uses, external) {
  const page = {
    name: 'page',
    resolveId: (id) => (id === 'page' ? id : null),
    load: (id) =>
      id === 'page' ? uses.map(([names, entry]) => `export ${names} from '/dist/${entry}.js'`).join('\n') : null,
  }
  const rolldownOptions = {
    input: 'page',
    external,
    preserveEntrySignatures: 'exports-only',
    output: { format: 'es', codeSplitting: false },
  }
  const options = { write: false, minify: true, modulePreload: false, rolldownOptions }
  const { output } = await build({ configFile: false, logLevel: 'error', plugins: [page], build: options })
  return gzipSync(output.map((chunk) => chunk.code ?? '').join('')).length
}

const alone = [['{ openNode, TabringError }', 'index']]
const collections = [['{ openNode, TabringError, defineCollection }', 'index']]
const bytesOf = (uses) => gzipBytes(uses, [...dependencies, 'react'])
const bare = await bytesOf(alone)
const budgets = [
  { what: 'tabring alone', bytes: bare, bytesMax: 68608 },
  { what: 'tabring with its dependencies', bytes: await gzipBytes(alone, ['react']), bytesMax: 107520 },
  { what: 'collections beside it', bytes: (await bytesOf(collections)) - bare, bytesMax: 8192 },
  {
    what: 'presence beside it',
    bytes: (await bytesOf([['{ openNode, TabringError, definePresence }', 'index']])) - bare,
    bytesMax: 2048,
  },
  { what: 'tabring/merge beside it', bytes: (await bytesOf([...alone, ['*', 'merge']])) - bare, bytesMax: 3072 },
  {
    what: 'tabring/tanstack-db beside it',
    bytes: (await bytesOf([...alone, ['*', 'tanstack-db']])) - bare,
    bytesMax: 1024,
  },
  { what: 'tabring/react beside it', bytes: (await bytesOf([...alone, ['*', 'react']])) - bare, bytesMax: 1536 },
]

for (const { what, bytes, bytesMax } of budgets) {
  console.log(`${what}: ${bytes} bytes gzip (budget ${bytesMax})`)
  if (bytes > bytesMax) process.exitCode = 1
}
