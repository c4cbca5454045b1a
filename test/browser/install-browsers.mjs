/**
 * Makes sure that a Chromium and a Firefox are there for the tests: Playwright's own where they can be downloaded, else
 * Debian's packages where apt can install them, else it prints what to type and fails.
 */
import { spawnSync } from 'node:child_process'
import { findBrowsers } from './browsers.mjs'

const packages = { chromium: 'chromium', firefox: 'firefox-esr' }
const missing = () => Object.keys(packages).filter((name) => findBrowsers()[name] === undefined)

function run(command, args, timeoutMs) {
  console.log(`> ${command} ${args.join(' ')}`)
  return spawnSync(command, args, { stdio: 'inherit', timeout: timeoutMs }).status === 0
}

function installWithApt(names) {
  const isRoot = process.getuid?.() === 0
  const apt = isRoot ? ['apt-get'] : ['sudo', '-n', 'apt-get']
  const [command, ...prefix] = apt
  if (!run(command, [...prefix, 'update'], 300_000)) return
  run(command, [...prefix, 'install', '-y', ...names.map((name) => packages[name])], 900_000)
}

if (missing().length > 0) run('npx', ['playwright', 'install', ...missing()], 600_000)
if (missing().length > 0) installWithApt(missing())
if (missing().length > 0) {
  console.error(`The tests need ${missing().join(' and ')}. Install them and run the tests again, for example:`)
  console.error(`  npx playwright install ${missing().join(' ')}`)
  console.error(
    `  sudo apt-get install ${missing()
      .map((name) => packages[name])
      .join(' ')}`,
  )
  console.error('or name their programs in TABRING_CHROMIUM and TABRING_FIREFOX.')
  process.exit(1)
}
