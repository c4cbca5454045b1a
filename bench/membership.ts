/**
 * `npm run bench:membership [-- --hours 600] [--sizes 10,50,100,200,500] [--visits 1000] [--json]`: false deaths and detection times
 * of the membership core, beside plain SWIM in the same run; what quiet rings of growing size say; how fast a newcomer is known; what
 * becomes of the writes of casual visitors. All of it on virtual time. `--hours` are of the whole ring of 50: 600 make 30,000
 * node-hours, and take some minutes a core.
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { swimDefaults } from '../src/core/membership/swim-port.ts'
import { type Detection, DetectionRun, plainSwim } from './membership/detection.ts'
import { measureQuiet, type QuietFigures } from './membership/quiet-ring.ts'
import { measureVisits, type VisitFigures } from './membership/visits.ts'
import { quantile } from './quantile.ts'

const ringOf = 50
/** One crash after the other: each is over, and its member back, before the next. */
const crashEveryMs = 150_000
const plainHours = 40
const crashHours = 20

type Task =
  | {
      readonly kind: 'detection'
      readonly protection: 'all' | 'none'
      readonly hours: number
      readonly seed: number
      readonly crashEveryMs: number
    }
  | { readonly kind: 'quiet'; readonly members: number }
  | { readonly kind: 'visits'; readonly visits: number; readonly graceMs: number }

type Figures = Detection | QuietFigures | VisitFigures

async function perform(task: Task): Promise<Figures> {
  if (task.kind === 'visits') return measureVisits(task.visits, task.graceMs, 1)
  if (task.kind === 'quiet') return measureQuiet(task.members)
  const options = task.protection === 'all' ? swimDefaults : plainSwim
  return new DetectionRun(ringOf, options, task.seed).run(task.hours, task.crashEveryMs)
}

/** Runs a task in a process of its own, so that all cores have something to do. */
function elsewhere<T extends Figures>(task: Task): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', ['--child'])
    child.once('message', (result) => {
      resolve(result as T)
      child.disconnect()
    })
    child.once('exit', (code) => code !== 0 && reject(new Error(`a measurement ended with ${code}`)))
    child.send(task)
  })
}

/** Performs the tasks, two at a time. */
async function performAll<T extends Figures>(tasks: readonly Task[]): Promise<readonly T[]> {
  const results: T[] = []
  const due = [...tasks.entries()]
  const work = async () => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) results[next[0]] = await elsewhere<T>(next[1])
  }
  await Promise.all([work(), work()])
  return results
}

async function detection(hours: number) {
  const half = { kind: 'detection', protection: 'all', hours: hours / 2, crashEveryMs: 0 } as const
  const plain = { kind: 'detection', protection: 'none', hours: plainHours, seed: 3, crashEveryMs: 0 } as const
  const crashing = { kind: 'detection', protection: 'all', hours: crashHours, seed: 4, crashEveryMs } as const
  const tasks: readonly Task[] = [plain, crashing, { ...half, seed: 1 }, { ...half, seed: 2 }]
  const [off, crashes, ...on] = (await performAll<Detection>(tasks)) as [Detection, Detection, ...Detection[]]
  const nodeHours = on.reduce((sum, each) => sum + each.nodeHours, 0)
  const falseDeaths = on.reduce((sum, each) => sum + each.falseDeaths, 0)
  return {
    nodeHours,
    falseDeaths,
    per10000: (falseDeaths / nodeHours) * 10_000,
    plainNodeHours: off.nodeHours,
    plainFalseDeaths: off.falseDeaths,
    plainPer10000: (off.falseDeaths / off.nodeHours) * 10_000,
    // With none at all, the 95 % bound of three stands for them.
    timesFewer: off.falseDeaths / off.nodeHours / (Math.max(falseDeaths, 3) / nodeHours),
    crashes: crashes.deadAfter.length,
    suspectedMedianMs: quantile(crashes.suspectedAfter, 0.5),
    deadMedianMs: quantile(crashes.deadAfter, 0.5),
    deadP99Ms: quantile(crashes.deadAfter, 0.99),
  }
}

function tell(found: Awaited<ReturnType<typeof detection>>): void {
  const line = (what: string, figure: string, limit: string) =>
    console.log(`${what.padEnd(58)} ${figure.padStart(12)}  ${limit}`)
  line(`false deaths in ${found.nodeHours} node-hours`, String(found.falseDeaths), '')
  line('  per 10,000 node-hours', found.per10000.toFixed(2), 'at most 1')
  line(`false deaths of plain SWIM in ${found.plainNodeHours} node-hours`, String(found.plainFalseDeaths), '')
  line('  times as many as ours (ours taken as 3 at least)', found.timesFewer.toFixed(0), 'at least 50')
  line(`${found.crashes} crashes: suspected after, median, s`, (found.suspectedMedianMs / 1000).toFixed(1), 'at most 6')
  line('  declared dead after, median, s', (found.deadMedianMs / 1000).toFixed(1), 'at most 30')
  line('  declared dead after, p99, s', (found.deadP99Ms / 1000).toFixed(1), 'at most 60')
}

function tellQuiet(rings: readonly QuietFigures[]): void {
  console.log('members  messages/node/s  bytes/node/s  known to 99 % after, s (limit)  most links   keys kept')
  for (const ring of rings) {
    const joined = `${(ring.joinMs / 1000).toFixed(1)} (${(ring.joinMaxMs / 1000).toFixed(1)})`
    console.log(
      `${String(ring.members).padStart(7)}  ${ring.messages.toFixed(2).padStart(15)}  ${ring.bytes.toFixed(0).padStart(12)}  ${joined.padStart(30)}  ${String(ring.linksMost).padStart(10)}  ${`${ring.kept} of ${ring.tried}`.padStart(10)}`,
    )
  }
}

/** The default grace, and a short one, as a page of many casual visitors would choose it. */
const graces = [600_000, 60_000]

function tellVisits(all: readonly VisitFigures[]): void {
  for (const found of all) {
    const { visits, graceMs, hours, writes, gone, lost, membersMost, hintsMost, hintsInTheEnd, shortMs } = found
    const s = (ms: number) => `${Math.round(ms / 1000)} s`
    console.log(`${visits} visits in ${hours.toFixed(1)} hours to a ring of four, with a grace of ${s(graceMs)}:`)
    console.log(`  of ${writes} acknowledged writes ${lost} lost (max 0); ${gone} gone, all holders within one grace`)
    console.log(`  at most ${membersMost} members and ${hintsMost} hints at a node, ${hintsInTheEnd} hints in the end`)
    console.log(`  a partition had fewer than three owners there for at most ${s(shortMs)}`)
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      hours: { type: 'string', default: '600' },
      sizes: { type: 'string', default: '10,50,100,200,500' },
      visits: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
    },
  })
  const sizes = values.sizes.split(',').map(Number)
  const rings = await performAll<QuietFigures>(sizes.map((members) => ({ kind: 'quiet', members }) as const))
  tellQuiet(rings)
  const found = await detection(Number(values.hours))
  tell(found)
  const visiting = graces.map((graceMs) => ({ kind: 'visits', visits: Number(values.visits), graceMs }) as const)
  const visits = await performAll<VisitFigures>(visiting)
  tellVisits(visits)
  if (values.json) console.log(JSON.stringify({ detection: found, rings, visits }))
}

if (process.argv.includes('--child'))
  process.once('message', (task: Task) => void perform(task).then((result) => process.send?.(result)))
else await main()
