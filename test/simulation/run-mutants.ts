/**
 * Plants each mutant in turn into a bundle of its own and plays seeds until the checker objects.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build, type Plugin } from 'vite'
import { type Mutant, mutants } from './mutants.ts'

export interface Verdict {
  readonly name: string
  /** Seeds it took, or null if none of them caught it. */
  readonly seeds: number | null
  readonly classes: readonly string[]
}

/** Seeds a mutant may need. */
const seedsMax = 200

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
  const command = [join(outDir, 'cli.js'), '--seeds', String(seedsMax), '--until-violation', '--json']
  const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const classes = [...new Set([...stdout.matchAll(/^ {2}([A-Z_]{5,}) /gm)].map(([, name]) => name ?? ''))]
  const seed = /^seed (\d+): /m.exec(stdout)?.[1]
  return { name: mutant.name, seeds: seed === undefined ? null : Number(seed), classes }
}

/** Judges all mutants and prints a line each. Returns whether every one was caught. */
export async function runMutants({ json }: { readonly json: boolean }): Promise<boolean> {
  const verdicts: Verdict[] = []
  for (const [index, mutant] of mutants.entries()) {
    const verdict = await judge(mutant, index)
    verdicts.push(verdict)
    const outcome =
      verdict.seeds === null
        ? `NOT CAUGHT in ${seedsMax} seeds`
        : `caught after ${verdict.seeds} seeds: ${verdict.classes.join(', ')}`
    console.log(`${verdict.name}: ${outcome}`)
  }
  const caught = verdicts.filter(({ seeds }) => seeds !== null).length
  console.log(`${caught} of ${verdicts.length} planted defects caught`)
  if (json) console.log(JSON.stringify({ caught, mutants: verdicts }))
  return caught === verdicts.length
}
