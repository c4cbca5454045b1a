/**
 * The package as its users get it: built, imported by name.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const inNode = (code: string) => run(process.execPath, ['--input-type=module', '-e', code], { cwd: root })

test('importing it on a server does nothing and does not crash', async () => {
  const { stdout, stderr } = await inNode(
    "const before = Object.keys(globalThis).length; const { openNode, TabringError } = await import('tabring');" +
      'console.log(typeof openNode, typeof TabringError, Object.keys(globalThis).length - before)',
  )
  expect([stdout.trim(), stderr]).toEqual(['function function 0', ''])
})

test('merge types work wherever they are imported, and touch nothing', async () => {
  const { stdout } = await inNode(
    'const before = Object.keys(globalThis).length;' +
      "const { change, counter, each, read } = await import('tabring/merge'); const Cart = each(counter());" +
      'const put = (actor, to) => change(Cart, [], { to, stamp: { actor, time: 1 } });' +
      "console.log(read(Cart, [put('a', { eggs: 1 }), put('b', { eggs: 2 })]), Object.keys(globalThis).length - before)",
  )
  expect(stdout.trim()).toBe('{ eggs: 3 } 0')
})

test('opening a node on a server says what is missing', async () => {
  const { stdout } = await inNode(
    "const { openNode } = await import('tabring');" +
      "await openNode({ cluster: 'c' }).catch((error) => console.log(error.name, error.code, error.changed, error.message))",
  )
  expect(stdout).toMatch(/^TabringError unsupported nothing .*IndexedDB.*WebRTC.*Web Locks/)
})

test('the memory cluster works as the README shows it', async () => {
  const { stdout } = await inNode(
    "const { openCluster } = await import('tabring/memory'); const cluster = await openCluster({ nodes: 5, devices: 3 });" +
      "await cluster.node(0).put('greeting', null, 'hello'); cluster.kill(1);" +
      "console.log((await cluster.node(2).get('greeting')).values); await cluster.close()",
  )
  expect(stdout.trim()).toBe("[ 'hello' ]")
})

test('npx tabring-signaling serves, answers on /health, and ends on a signal', async () => {
  const server = spawn(process.execPath, ['dist/tabring-signaling.js', '--port', '0'], { cwd: root })
  const url = await new Promise<string>((resolve) => {
    server.stdout.on('data', (data) => resolve(/ws:\/\/\S+/.exec(String(data))?.[0] ?? ''))
  })
  const health = await fetch(`${url.replace('ws:', 'http:')}/health`)
  expect(await health.json()).toEqual({ ok: true, peers: 0, sockets: 0 })
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('a wrong port is refused with the usage', () => {
  expect(() =>
    execFileSync(process.execPath, ['dist/tabring-signaling.js', '--port', 'x'], { cwd: root, stdio: 'pipe' }),
  ).toThrow(/--port takes a number/)
})
