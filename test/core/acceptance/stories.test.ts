/**
 * The pure rules of acceptance as stories. Method: the text files in `stories` are played again, and compared.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { type Absences, absencesAfter, horizonOf, limitOf } from '../../../src/core/acceptance/horizon.ts'
import { isComplete } from '../../../src/core/acceptance/in-sync.ts'
import type { HybridTime, NodeId } from '../../../src/core/ids.ts'
import { hybridAt, hybridZero, wallOf } from '../../../src/core/versioning/hybrid-time.ts'
import { dayMs, tabsAndANote } from './tabs.ts'
import { play, playOne } from './transcript.ts'

const retentionMs = 30 * dayMs
const dayOf = (time: HybridTime | number) => `day ${Number((time / dayMs).toFixed(1))}`

/** Looks of one node at the others, on a day each. */
function looks(): (step: string) => readonly string[] {
  let absences: Absences = new Map()
  let [lookedAt, limit] = [0, hybridZero]
  const look = (day: string, members: string) => {
    const wallMs = Number(day) * dayMs
    const states = members.split(', ').map((member) => member.split(' is ') as [NodeId, 'here' | 'absent'])
    absences = absencesAfter(absences, new Map(states), { wallMs, lookedAt, stepMs: dayMs, retentionMs })
    lookedAt = wallMs
    limit = limitOf(absences, { wallMs, retentionMs })
    const noted = [...absences].map(
      ([node, { since, backAt }]) =>
        `${node} is absent since ${dayOf(since)}${backAt === 0 ? '' : `, and back since ${dayOf(backAt)}`}`,
    )
    return [...noted, `the limit is ${dayOf(wallOf(limit))}`]
  }
  const given = (all: string) => {
    const times = all.split(', ').map((each) => {
      const day = / gave on day (\S+)$/.exec(each)?.[1]
      return day === undefined ? hybridZero : hybridAt(Number(day) * dayMs - retentionMs)
    })
    const horizon = horizonOf(limit, times)
    return [horizon === hybridZero ? 'nothing may be forgotten' : `the horizon is ${dayOf(wallOf(horizon))}`]
  }
  return (step) =>
    playOne(step, [
      [/^day (\S+?)(?:, the first look)?: (.+)$/, (day = '', all = '') => look(day, all)],
      [/^\w+ (?:gave on|never gave)/, () => given(step)],
    ])
}

/** One question for each step. */
const copies = () => (step: string) =>
  playOne(step, [
    [
      /^within reach: (.+); former owners: (.+); given: (.+)$/,
      (...all) => {
        const [sources = [], former = [], givers = []] = all.map(
          (words) => (['none', 'nobody'].includes(words) ? [] : words.split(' ')) as NodeId[],
        )
        return [isComplete({ sources, former, givers: new Set(givers) }) ? 'in sync' : 'not in sync']
      },
    ],
  ])

test.each([
  ['acceptance', tabsAndANote],
  ['horizon', looks],
  ['in-sync', copies],
] as const)('the story of %s is told as it was', async (name, world) => {
  const path = fileURLToPath(new URL(`stories/${name}.txt`, import.meta.url))
  await play(path, readFileSync(path, 'utf8'), world)
})
