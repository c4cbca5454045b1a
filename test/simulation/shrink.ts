/**
 * Makes a failing seed smaller: fewer faults, then fewer steps of its clients, as long as the same class of violation
 * stays.
 */
import { faultGroups, without } from './fault-groups.ts'
import type { Options } from './options.ts'
import { type Report, simulate } from './simulate.ts'

export interface Shrunk {
  readonly report: Report
  /** Groups of faults it does not need. */
  readonly unneeded: readonly string[]
  readonly runs: number
}

/** Runs a search may take. */
const runsMax = 150

/** The smallest run found that shows a violation of the same class as `failing` does first. */
export async function shrink(failing: Report, keepTrace: boolean): Promise<Shrunk> {
  const wanted = failing.violations[0]?.class
  let best = failing
  let unneeded: readonly string[] = []
  let skipped: ReadonlySet<number> = new Set()
  let runs = 0
  const attempt = async (options: Options, skip: ReadonlySet<number>): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs += 1
    const report = await simulate(options, { skipped: skip })
    if (!report.violations.some((violation) => violation.class === wanted)) return false
    best = report
    return true
  }
  for (const group of Object.keys(faultGroups)) {
    const off = [...unneeded, group]
    if (faultGroups[group]?.every((name) => !failing.options[name]) === true) continue
    if (await attempt(without(failing.options, off), skipped)) unneeded = off
  }
  const { options } = best
  for (
    let size = Math.ceil(best.steps.length / 2);
    size >= 1 && runs < runsMax;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < best.steps.length; ) {
      const fewer = new Set([...skipped, ...best.steps.slice(at, at + size)])
      if (await attempt(options, fewer)) skipped = fewer
      else at += size
      if (runs >= runsMax) break
    }
  }
  return { report: await simulate(best.options, { skipped, keepTrace }), unneeded, runs }
}
