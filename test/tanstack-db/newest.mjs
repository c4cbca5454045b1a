/**
 * `npm run test:newest`: the tests of TanStack DB with its newest version, in the place of the pinned one. It is
 * installed beside the others, and removed after.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (command, ...options) =>
  execFileSync(command, options, { cwd: root, stdio: 'inherit', env: { ...process.env, TANSTACK_DB: 'newest' } })

run('npm', 'install', '--no-save', 'tanstack-db-newest@npm:@tanstack/db@latest')
try {
  run('npx', 'vitest', 'run', 'test/tanstack-db')
} finally {
  run('npm', 'uninstall', '--no-save', 'tanstack-db-newest')
}
