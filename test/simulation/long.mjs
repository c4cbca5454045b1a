/**
 * What takes longer than `npm test` may: thousands of seeds, minutes of each profile, every call of a store, the
 * planted defects, a list of ten thousand keys, and browser tests of minutes. Runs all of it, one after the other,
 * whatever fails; exit code 1 if anything did.
 */
import { spawnSync } from 'node:child_process'

const runs = [
  ['--seeds', '5000'],
  ['--profile', 'apart', '--minutes', '10'],
  ['--profile', 'wipe', '--minutes', '10'],
  ['--profile', 'identity', '--minutes', '10'],
  ['--profile', 'forgetting', '--minutes', '10'],
  ['--profile', 'browser', '--minutes', '10'],
  ['--profile', 'wire', '--minutes', '5'],
  ['--profile', 'mesh', '--minutes', '5'],
  ['--profile', 'orphans', '--minutes', '5'],
  ['--profile', 'filler', '--minutes', '5'],
  ['--profile', 'merge', '--seeds', '500'],
  ['--profile', 'storage', '--seeds', '2500'],
  ['--mutants'],
]

for (const options of runs) {
  console.log(`\nsimulate ${options.join(' ')}`)
  const { status } = spawnSync('npm', ['run', '--silent', 'simulate', '--', ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}

const browsers = ['playwright', 'test', '--config', 'test/browser/playwright.config.ts']
const env = { ...process.env, TABRING_LONG: '1', TABRING_IDLE_MS: '300000' }
console.log('\na list of ten thousand keys')
const list = ['vitest', 'run', '--project', 'slow', 'test/scenarios/large-group.test.ts']
if (spawnSync('npx', list, { stdio: 'inherit', env }).status !== 0) process.exitCode = 1
console.log('\nbrowser tests of minutes')
if (spawnSync('npx', browsers, { stdio: 'inherit', env }).status !== 0) process.exitCode = 1
