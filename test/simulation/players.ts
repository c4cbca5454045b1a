/**
 * Plays seeds in several processes at once: each takes the next seed when it has done one.
 */
import { type ChildProcess, fork } from 'node:child_process'
import type { Violation } from './checker.ts'
import { Counters } from './counters.ts'
import { optionsFor, type Settings } from './settings.ts'
import { simulate } from './simulate.ts'

/** A seed to play. */
export interface Task {
  readonly seed: number
  readonly settings: Settings
  /** Play it again and compare. */
  readonly twice: boolean
}

/** What came of it, small enough to be sent. */
export interface Outcome {
  readonly seed: number
  readonly operations: number
  readonly acknowledged: number
  readonly violations: readonly Violation[]
  readonly counters: readonly (readonly [string, number])[]
  /** Whether the second run took the same trace; null where there was none. */
  readonly isSame: boolean | null
}

async function playTask({ seed, settings, twice }: Task): Promise<Outcome> {
  const options = optionsFor(seed, settings)
  const { operations, acknowledged, violations, counters, traceHash } = await simulate(options)
  const isSame = twice ? (await simulate(options)).traceHash === traceHash : null
  return { seed, operations: operations.length, acknowledged, violations, counters: counters.entries, isSame }
}

/** The argument that makes this program a player for another one. */
export const playerFlag = '--player'

/** Plays what the parent process sends, until it ends. */
export function servePlayer(): void {
  process.on('message', (task: Task) => {
    playTask(task).then(
      (outcome) => process.send?.(outcome),
      (error: unknown) => {
        console.error(`seed ${task.seed}`, error)
        process.exit(2)
      },
    )
  })
}

/** Plays tasks on `jobs` processes until there is none left or `heard` says that it is enough. */
export async function playAll(
  tasks: Iterator<Task>,
  jobs: number,
  heard: (outcome: Outcome) => Promise<'more' | 'enough'>,
): Promise<void> {
  if (jobs === 1) {
    for (let next = tasks.next(); next.done !== true; next = tasks.next()) {
      if ((await heard(await playTask(next.value))) === 'enough') return
    }
    return
  }
  const players = Array.from({ length: jobs }, () => fork(process.argv[1] ?? '', [playerFlag]))
  let isEnough = false
  const play = async (player: ChildProcess) => {
    for (let next = tasks.next(); next.done !== true && !isEnough; next = tasks.next()) {
      player.send(next.value)
      if ((await heard(await answerOf(player))) === 'enough') isEnough = true
    }
  }
  try {
    await Promise.all(players.map(play))
  } finally {
    for (const player of players) player.kill()
  }
}

function answerOf(player: ChildProcess): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a player ended in the middle of a seed'))
    player.once('exit', ended)
    player.once('message', (outcome: Outcome) => {
      player.off('exit', ended)
      resolve(outcome)
    })
  })
}

export function sumOf(outcomes: readonly Outcome[]): Counters {
  const counters = new Counters()
  for (const outcome of outcomes) for (const [name, count] of outcome.counters) counters.count(name, count)
  return counters
}
