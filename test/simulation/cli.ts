/**
 * `npm run simulate -- [--seeds 200 | --minutes 20] [--from 1] [--nodes 3..12] [--jobs 2] [--faults loss,crash | none]
 * [--profile wipe | identity | storage | forgetting | apart | browser | wire | mesh | orphans | filler | merge] [--twice 50]
 * [--trace] [--until-violation] [--no-shrink] [--json]`: plays seeds until they or the time run out. It prints what
 * struck, which rare paths were taken, and every violation with what is needed to see it again. Exit code 1 if there
 * was a violation, if one of the first `--twice` seeds took another way the second time, or if in a thousand seeds or
 * more a rare path was never taken. `--mutants` plants defects instead and says how many seeds it took to catch each.
 * Exit code 1 if one was not caught. `--only journal`: those with that in their name.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Outcome, playAll, playerFlag, servePlayer, sumOf, type Task } from './players.ts'
import { rarePaths } from './rare-paths.ts'
import { runMutants } from './run-mutants.ts'
import { optionsFor, parseFaults, parseNodes, parseProfile, type Settings } from './settings.ts'
import { shrink } from './shrink.ts'
import { type Report, simulate } from './simulate.ts'

/** Failing seeds that are made smaller; that takes a while, and the first ones tell most. */
const shrunkMax = 3
/** From so many seeds on, every rare path must have been taken. */
const rareFrom = 1000

function parse() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      minutes: { type: 'string' },
      from: { type: 'string', default: '1' },
      nodes: { type: 'string' },
      jobs: { type: 'string' },
      faults: { type: 'string' },
      profile: { type: 'string', default: 'all' },
      twice: { type: 'string', default: '0' },
      trace: { type: 'boolean', default: false },
      'until-violation': { type: 'boolean', default: false },
      'no-shrink': { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  })
  const settings: Settings = {
    profile: parseProfile(values.profile),
    nodes: values.nodes === undefined ? undefined : parseNodes(values.nodes),
    faults: values.faults === undefined ? undefined : parseFaults(values.faults),
  }
  const jobs = values.trace ? 1 : Number(values.jobs ?? availableParallelism())
  return { ...values, settings, jobs }
}

type Arguments = ReturnType<typeof parse>

function tellReport({ options, violations, operations, trace }: Report): void {
  console.log(`  options ${JSON.stringify(options)}`)
  for (const { class: kind, key, subject, witness } of violations)
    console.log(`  ${kind} ${key} ${subject}: ${witness}`)
  const keys = new Set(violations.map(({ key }) => key))
  for (const operation of operations.filter(({ key }) => keys.has(key))) console.log(`  ${JSON.stringify(operation)}`)
  for (const line of trace) console.log(`  ${line}`)
}

/** Prints a failing seed, and a smaller run of it that fails in the same way. */
async function tell({ seed, violations }: Outcome, wanted: Arguments, isShrunk: boolean): Promise<void> {
  console.log(`seed ${seed}: ${violations.length} violations`)
  const report = await simulate(optionsFor(seed, wanted.settings), { keepTrace: wanted.trace && !isShrunk })
  if (isShrunk) {
    const { report: smaller, unneeded, runs } = await shrink(report, wanted.trace)
    tellReport(smaller)
    console.log(
      `  found in ${runs} runs: ${smaller.steps.length} of ${report.steps.length} steps of clients, without ${unneeded.join(', ')}`,
    )
  } else tellReport(report)
  const same = [
    wanted.profile === 'all' ? '' : ` --profile ${wanted.profile}`,
    wanted.nodes === undefined ? '' : ` --nodes ${wanted.nodes}`,
    wanted.faults === undefined ? '' : ` --faults ${wanted.faults}`,
  ].join('')
  console.log(`  again: npm run simulate -- --from ${seed} --seeds 1 --trace${same}`)
}

function* tasksOf({ seeds, minutes, from, twice, settings }: Arguments): Generator<Task> {
  const endsAt = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(minutes) * 60_000
  const count = minutes === undefined ? Number(seeds) : Number.POSITIVE_INFINITY
  for (let at = 0; at < count && performance.now() < endsAt; at += 1) {
    yield { seed: Number(from) + at, settings, twice: at < Number(twice) }
  }
}

function summarize(outcomes: readonly Outcome[], seconds: number, { settings }: Arguments) {
  const counters = Object.fromEntries(sumOf(outcomes).entries)
  const isWhole =
    outcomes.length >= rareFrom &&
    settings.profile === 'all' &&
    settings.faults === undefined &&
    settings.nodes === undefined
  const failed = outcomes.filter(({ violations }) => violations.length > 0)
  return {
    seeds: outcomes.length,
    operations: outcomes.reduce((sum, { operations }) => sum + operations, 0),
    acknowledged: outcomes.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    violations: outcomes.reduce((sum, { violations }) => sum + violations.length, 0),
    failed: failed.map(({ seed, violations }) => ({
      seed,
      classes: [...new Set(violations.map((each) => each.class))],
    })),
    seedsPerSecond: outcomes.length / seconds,
    // With no failure in n seeds, the 95 % bound on a seed's failing is 3/n.
    bound: failed.length === 0 ? 3 / outcomes.length : null,
    playedTwice: outcomes.filter(({ isSame }) => isSame !== null).length,
    differedTheSecondTime: outcomes.filter(({ isSame }) => isSame === false).map(({ seed }) => seed),
    neverTaken: isWhole ? rarePaths.filter((path) => counters[`path: ${path}`] === undefined) : [],
    counters,
  }
}

function tellSummary(summary: ReturnType<typeof summarize>): void {
  const { seeds, operations, acknowledged, seedsPerSecond, failed, bound, playedTwice } = summary
  for (const [name, count] of Object.entries(summary.counters)) console.log(`${String(count).padStart(9)}  ${name}`)
  const { 'acknowledged write: required': required = 0, ...others } = summary.counters
  const excused = others['acknowledged write: excused, as one device had it that may lose it'] ?? 0
  const share = `${((100 * required) / Math.max(1, required + excused)).toFixed(1)} % of them required in the end`
  const pace = `${seedsPerSecond.toFixed(1)} seeds a second`
  console.log(`${seeds} seeds, ${operations} operations, ${acknowledged} acknowledged writes, ${share}, ${pace}`)
  if (playedTwice > 0)
    console.log(
      `${playedTwice} seeds played twice: ${summary.differedTheSecondTime.length === 0 ? 'the same trace each time' : `another trace in ${summary.differedTheSecondTime.join(', ')}`}`,
    )
  for (const path of summary.neverTaken) console.log(`never taken: ${path}`)
  console.log(
    bound === null
      ? `violations in seeds ${failed.map(({ seed }) => seed).join(', ')}`
      : `no violation: a seed fails with a probability below ${bound.toExponential(1)}`,
  )
}

async function main(): Promise<void> {
  const wanted = parse()
  if (wanted.mutants) {
    process.exitCode = (await runMutants(wanted)) ? 0 : 1
    return
  }
  const startedAt = performance.now()
  const outcomes: Outcome[] = []
  let failures = 0
  let told = Promise.resolve()
  await playAll(tasksOf(wanted), wanted.jobs, async (outcome) => {
    outcomes.push(outcome)
    if (outcome.violations.length === 0) return 'more'
    failures += 1
    const isShrunk = !wanted['no-shrink'] && failures <= shrunkMax
    // One after the other, whatever comes in meanwhile.
    told = told.then(() => tell(outcome, wanted, isShrunk))
    await told
    return wanted['until-violation'] ? 'enough' : 'more'
  })
  const summary = summarize(outcomes, (performance.now() - startedAt) / 1000, wanted)
  tellSummary(summary)
  if (wanted.json) console.log(JSON.stringify(summary))
  const isGood = summary.violations + summary.differedTheSecondTime.length + summary.neverTaken.length === 0
  process.exitCode = isGood ? 0 : 1
}

if (process.argv.includes(playerFlag)) servePlayer()
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  })
