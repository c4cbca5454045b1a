/**
 * Plants each mutant in turn into a bundle of its own and plays seeds until the checker objects; or into what tests
 * load that are to be red then.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'vite'
import { editsOf, type Mutant, mutants } from './mutants.ts'
import { planting } from './planting.ts'

interface Verdict {
  readonly name: string
  /** Seeds it took, or null if none of them caught it; 0 for tests. */
  readonly seeds: number | null
  readonly classes: readonly string[]
}

/** Seeds a mutant may need. */
const seedsMax = 500

/** How many of the tests are red that are to show a defect. */
async function judgeByTests({ name, test }: Mutant): Promise<Verdict> {
  if (test === undefined) throw new Error('a mutant that tests are to show says which')
  const program = ['node_modules/vitest/vitest.mjs', 'run', test.file, '--config', 'test/simulation/planted.config.ts']
  const printed = await outputOf([...program, '--root', '.', '--reporter', 'json', '-t', test.name], 'numTotalTests', {
    PLANTED: name,
  })
  const { numPassedTests: green, numFailedTests: red } = JSON.parse(printed.slice(printed.indexOf('{'))) as {
    readonly numPassedTests: number
    readonly numFailedTests: number
  }
  if (green + red === 0) throw new Error(`${test.file} has no test ${test.name}`)
  return { name, seeds: red > 0 ? 0 : null, classes: red > 0 ? [`${test.file}: ${test.name}`] : [] }
}

async function judge(mutant: Mutant, index: number): Promise<Verdict> {
  if (mutant.test !== undefined) return judgeByTests(mutant)
  const outDir = join('node_modules/.cache/mutants', String(index))
  const planted = new Set<string>()
  const plugin = planting(mutant, (file) => planted.add(file))
  const options = { ssr: 'test/simulation/cli.ts', outDir, emptyOutDir: true, target: 'node20' }
  await build({ configFile: false, logLevel: 'error', plugins: [plugin], build: options })
  for (const { file } of editsOf(mutant))
    if (!planted.has(file)) throw new Error(`${file} is not part of the simulation`)
  const { profile = 'all', firstSeed = 1 } = mutant
  const which = ['--profile', profile, '--from', String(firstSeed), '--seeds', String(seedsMax)]
  const program = [join(outDir, 'cli.js'), '--jobs', '1', '--no-shrink', '--until-violation', '--json']
  const printed = await outputOf([...program, ...which], 'seeds a second')
  const { seeds, failed } = JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '') as {
    readonly seeds: number
    readonly failed: readonly { readonly classes: readonly string[] }[]
  }
  const [caught] = failed
  return { name: mutant.name, seeds: caught === undefined ? null : seeds, classes: caught?.classes ?? [] }
}

/** What a program prints, which holds `sign` unless it ended before its time. */
function outputOf(program: readonly string[], sign: string, env: Readonly<Record<string, string>> = {}) {
  const surroundings = { encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, ...env } } as const
  return new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [...program], surroundings, (_error, stdout, stderr) => {
      if (stdout.includes(sign)) resolve(stdout)
      else reject(new Error(`it ended by itself: ${stderr}`))
    })
  })
}

const outcomeOf = ({ seeds, classes }: Verdict): string => {
  if (seeds === null) return 'NOT CAUGHT'
  return seeds === 0 ? `caught by ${classes.join(', ')}` : `caught after ${seeds} seeds: ${classes.join(', ')}`
}

/**
 * Judges the mutants with `only` in their names, `jobs` at a time, and prints a line each. Returns whether every one
 * was caught.
 */
export async function runMutants({
  json,
  jobs,
  only,
}: {
  readonly json: boolean
  readonly jobs: number
  readonly only: string
}): Promise<boolean> {
  const verdicts: Verdict[] = []
  const due = [...mutants.entries()].filter(([, { name }]) => name.includes(only))
  const work = async () => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      const verdict = await judge(next[1], next[0])
      verdicts.push(verdict)
      console.log(`${verdict.name}: ${outcomeOf(verdict)}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const caught = verdicts.filter(({ seeds }) => seeds !== null).length
  console.log(`${caught} of ${verdicts.length} planted defects caught`)
  if (json) console.log(JSON.stringify({ caught, planted: verdicts.length, mutants: verdicts }))
  return caught === verdicts.length
}
