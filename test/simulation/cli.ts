/**
 * `npm run simulate -- [--seeds 1000 | --minutes 20] [--from 1] [--trace] [--calm] [--until-violation] [--json]`: plays seeds until they or the
 * time run out; prints what struck, what was taken, and every violation; exit code 1 if there was one.
 * `--mutants` plants defects instead and says how many seeds it took to catch each; exit code 1 if one was not.
 */
import { parseArgs } from 'node:util'
import { Counters } from './counters.ts'
import { runMutants } from './run-mutants.ts'
import { type Report, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    minutes: { type: 'string' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    calm: { type: 'boolean', default: false },
    'until-violation': { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

function tell(report: Report): void {
  const { options, violations, operations, trace } = report
  console.log(`seed ${options.seed}: ${violations.length} violations`)
  console.log(`  options ${JSON.stringify(options)}`)
  for (const { class: kind, key, subject, witness } of violations)
    console.log(`  ${kind} ${key} ${subject}: ${witness}`)
  const keys = new Set(violations.map(({ key }) => key))
  for (const operation of operations.filter(({ key }) => keys.has(key))) console.log(`  ${JSON.stringify(operation)}`)
  for (const line of trace) console.log(`  ${line}`)
  console.log(`  again: npm run simulate -- --from ${options.seed} --seeds 1 --trace`)
}

async function main(): Promise<void> {
  if (values.mutants) {
    process.exitCode = (await runMutants({ json: values.json })) ? 0 : 1
    return
  }
  const from = Number(values.from)
  const seedsMax = values.minutes === undefined ? Number(values.seeds) : Number.POSITIVE_INFINITY
  const endsAt =
    values.minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(values.minutes) * 60_000
  const startedAt = performance.now()
  const counters = new Counters()
  const failed: number[] = []
  const totals = { seeds: 0, operations: 0, acknowledged: 0, violations: 0 }
  while (totals.seeds < seedsMax && performance.now() < endsAt) {
    const report = await simulate(from + totals.seeds, { faults: !values.calm, keepTrace: values.trace })
    totals.seeds += 1
    totals.operations += report.operations.length
    totals.acknowledged += report.acknowledged
    totals.violations += report.violations.length
    counters.add(report.counters)
    if (report.violations.length === 0) continue
    failed.push(report.options.seed)
    tell(report)
    if (values['until-violation']) break
  }
  const seconds = (performance.now() - startedAt) / 1000
  // With no failure in n seeds, the 95 % bound on a seed's failing is 3/n.
  const summary = {
    ...totals,
    failed,
    seedsPerSecond: totals.seeds / seconds,
    bound: failed.length === 0 ? 3 / totals.seeds : null,
  }
  for (const [name, count] of counters.entries) console.log(`${String(count).padStart(9)}  ${name}`)
  console.log(
    `${totals.seeds} seeds, ${totals.operations} operations, ${totals.acknowledged} acknowledged writes, ${summary.seedsPerSecond.toFixed(1)} seeds a second`,
  )
  console.log(
    failed.length === 0
      ? `no violation: a seed fails with a probability below ${summary.bound?.toExponential(1)}`
      : `violations in seeds ${failed.join(', ')}`,
  )
  if (values.json) console.log(JSON.stringify({ ...summary, counters: Object.fromEntries(counters.entries) }))
  process.exitCode = failed.length === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 2
})
