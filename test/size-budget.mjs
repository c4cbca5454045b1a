/**
 * What an application pays for tabring: the library minified and compressed, without and with its dependencies, and what
 * each further entry point adds to it. Fails over budget.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const dependencies = [/^@noble\//, /^@msgpack\//, 'idb', /^simple-peer/]

/** The bytes of a page that uses all of these entry points. */
async function gzipBytes(entries, external) {
  const page = {
    name: 'page',
    resolveId: (id) => (id === 'page' ? id : null),
    load: (id) => (id === 'page' ? entries.map((entry) => `export * from '/dist/${entry}'`).join('\n') : null),
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

const alone = await gzipBytes(['index.js'], dependencies)
const budgets = [
  { what: 'tabring alone', bytes: alone, bytesMax: 64512 },
  { what: 'tabring with its dependencies', bytes: await gzipBytes(['index.js'], []), bytesMax: 103424 },
  {
    what: 'tabring/merge beside it',
    bytes: (await gzipBytes(['index.js', 'merge.js'], dependencies)) - alone,
    bytesMax: 3072,
  },
]

for (const { what, bytes, bytesMax } of budgets) {
  console.log(`${what}: ${bytes} bytes gzip (budget ${bytesMax})`)
  if (bytes > bytesMax) process.exitCode = 1
}
