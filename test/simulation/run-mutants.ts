/**
 * Plants each mutant in turn into a bundle of its own and plays seeds until the checker objects.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { build, type Plugin } from 'vite'
import { type Mutant, mutants } from './mutants.ts'

interface Verdict {
  readonly name: string
  /** Seeds it took, or null if none of them caught it. */
  readonly seeds: number | null
  readonly classes: readonly string[]
}

/** Seeds a mutant may need. */
const seedsMax = 500

function planting({ name, file, from, to }: Mutant, planted: () => void): Plugin {
  return {
    name: `mutant: ${name}`,
    enforce: 'pre',
    transform: (code, id) => {
      if (!id.endsWith(file)) return null
      if (!code.includes(from)) throw new Error(`the source has changed: ${file} does not hold ${JSON.stringify(from)}`)
      planted()
      return code.replace(from, () => to)
    },
  }
}

async function judge(mutant: Mutant, index: number): Promise<Verdict> {
  const outDir = join('node_modules/.cache/mutants', String(index))
  let isPlanted = false
  const plugin = planting(mutant, () => {
    isPlanted = true
  })
  const options = { ssr: 'test/simulation/cli.ts', outDir, emptyOutDir: true, target: 'node20' }
  await build({ configFile: false, logLevel: 'error', plugins: [plugin], build: options })
  if (!isPlanted) throw new Error(`${mutant.file} is not part of the simulation`)
  const profile = mutant.profile === undefined ? [] : ['--profile', mutant.profile]
  const program = [join(outDir, 'cli.js'), '--jobs', '1', '--no-shrink', '--until-violation', '--json', ...profile]
  const printed = await outputOf([...program, '--seeds', String(seedsMax)])
  const { seeds, failed } = JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '') as {
    readonly seeds: number
    readonly failed: readonly { readonly classes: readonly string[] }[]
  }
  const [caught] = failed
  return { name: mutant.name, seeds: caught === undefined ? null : seeds, classes: caught?.classes ?? [] }
}

function outputOf(program: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...program], { encoding: 'utf8', maxBuffer: 2 ** 28 }, (_error, stdout, stderr) => {
      if (stdout.includes('seeds a second')) resolve(stdout)
      else reject(new Error(`the simulation itself ended: ${stderr}`))
    })
  })
}

/** Judges the mutants with `only` in their names, `jobs` at a time, and prints a line each. Returns whether every one was caught. */
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
      const outcome =
        verdict.seeds === null
          ? `NOT CAUGHT in ${seedsMax} seeds`
          : `caught after ${verdict.seeds} seeds: ${verdict.classes.join(', ')}`
      console.log(`${verdict.name}: ${outcome}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const caught = verdicts.filter(({ seeds }) => seeds !== null).length
  console.log(`${caught} of ${verdicts.length} planted defects caught`)
  if (json) console.log(JSON.stringify({ caught, planted: verdicts.length, mutants: verdicts }))
  return caught === verdicts.length
}
