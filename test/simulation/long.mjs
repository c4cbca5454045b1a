/**
 * What takes longer than `npm test` may: thousands of seeds, minutes of each profile, every call of a store, and the planted defects.
 * Runs all of it, one after the other, whatever fails; exit code 1 if anything did.
 */
import { spawnSync } from 'node:child_process'

const runs = [
  ['--seeds', '5000'],
  ['--profile', 'apart', '--minutes', '10'],
  ['--profile', 'wipe', '--minutes', '10'],
  ['--profile', 'identity', '--minutes', '10'],
  ['--profile', 'forgetting', '--minutes', '10'],
  ['--profile', 'storage', '--seeds', '2500'],
  ['--mutants'],
]

for (const options of runs) {
  console.log(`\nsimulate ${options.join(' ')}`)
  const { status } = spawnSync('npm', ['run', '--silent', 'simulate', '--', ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
