#!/usr/bin/env node
/**
 * The command `npx tabring-signaling [--port 8787] [--host 127.0.0.1] [--trust-proxy]`.
 *
 * It runs a signaling server until it is interrupted.
 */
import { parseArgs } from 'node:util'

const usage = 'usage: tabring-signaling [--port 8787] [--host 127.0.0.1] [--trust-proxy]'

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      'trust-proxy': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) {
    console.log(usage)
    return
  }
  const port = Number(values.port ?? '8787')
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port takes a number from 0 to 65535\n${usage}`)
  const { startSignaling } = await import('./server.ts').catch(needsWs)
  const { url, close } = await startSignaling({
    port,
    host: values.host ?? '127.0.0.1',
    trustProxy: values['trust-proxy'] === true,
  })
  console.log(`tabring signaling listens on ${url}`)
  const stop = () => void close().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

/** Pages do not need `ws`, so it is not installed with the library. */
function needsWs(error: unknown): never {
  if (!(error instanceof Error && error.message.includes("'ws'"))) throw error
  throw new Error('the signaling server needs the package ws: npm install ws')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
