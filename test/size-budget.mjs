/**
 * What an application pays for tabring: the library minified and compressed, without and with its dependencies. Fails
 * over budget.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const budgets = [
  { what: 'tabring alone', external: [/^@noble\//, /^@msgpack\//, 'idb', /^simple-peer/], gzipBytesMax: 66560 },
  { what: 'tabring with its dependencies', external: [], gzipBytesMax: 105472 },
]

for (const { what, external, gzipBytesMax } of budgets) {
  const rolldownOptions = {
    input: 'dist/index.js',
    external,
    preserveEntrySignatures: 'exports-only',
    output: { format: 'es', codeSplitting: false },
  }
  const options = { write: false, minify: true, modulePreload: false, rolldownOptions }
  const { output } = await build({ configFile: false, logLevel: 'error', build: options })
  const bytes = gzipSync(output.map((chunk) => chunk.code ?? '').join('')).length
  console.log(`${what}: ${bytes} bytes gzip (budget ${gzipBytesMax})`)
  if (bytes > gzipBytesMax) process.exitCode = 1
}
