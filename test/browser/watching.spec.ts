/**
 * A thousand watched keys and fifty watched groups, while tabs join, leave, sleep and die, and twenty rows a second
 * change.
 */
import { BareChromium } from './bare-chromium.ts'
import type { Look, Row, Written } from './harness/watching.ts'
import { expect, type PageGlobals, type Profile, test } from './world.ts'

const lone = Array.from({ length: 1_000 }, (_, index): Row => ({ key: `key ${index}`, group: null }))
const grouped = Array.from({ length: 200 }, (_, index): Row => ({ key: `key ${index}`, group: `group ${index % 50}` }))
/** Every sixth row belongs to a group, so both kinds are among the hot ones, which come first. */
const rows = lone.flatMap((row, index) => (index % 5 === 0 ? [row, grouped[index / 5] as Row] : [row]))

const lookEveryMs = 500
const behindMaxMs = 5_000
const asleepMs = 8_000
const writingMs = 90_000

/** Fills all rows with their first number. */
const fill = (profile: Profile) =>
  profile.page.evaluate(async (all) => {
    const todos = (window as unknown as PageGlobals).harness.todos()
    const groups = new Set(all.map(({ group }) => group))
    for (const group of groups) {
      const place = group === null ? todos : todos.group(group)
      const entries = all
        .filter((row) => row.group === group)
        .map(({ key }) => [key, { title: '1', votes: 0 }] as const)
      const { failed } = await place.setMany(entries)
      if (failed.size > 0) throw new Error(`${failed.size} rows could not be written`)
    }
  }, rows)

interface Judged {
  readonly shown: number
  readonly live: number
  /** Rows shown as live that lacked a write for longer than they may. */
  readonly behind: readonly string[]
}

/** Judges what views showed by when writes were acknowledged. */
function judge(looks: readonly Look[], written: readonly Written[]): Judged {
  const byRow = rows.map((_, row) => written.filter((write) => write.row === row))
  const behind: string[] = []
  let [shown, live] = [0, 0]
  for (const [index, { at, shown: numbers }] of looks.entries()) {
    // A tab that has just gone on has not had a moment to learn what it missed.
    if (at - (looks[index - 1]?.at ?? 0) > 4 * lookEveryMs) continue
    for (const [row, number] of numbers.entries()) {
      shown += 1
      if (number < 0) continue
      live += 1
      const due = (byRow[row] ?? []).filter(({ ackedAt }) => ackedAt !== null && ackedAt < at - behindMaxMs)
      const lacks = due.find((write) => write.number > number)
      if (lacks !== undefined)
        behind.push(
          `row ${row} (${rows[row]?.group ?? 'no group'}): ${number}, ${at - (lacks.ackedAt ?? 0)} ms after ${lacks.number}${lacks.quorum ? '' : ', below its quorum'}`,
        )
    }
  }
  return { shown, live, behind }
}

test('a thousand watched keys and fifty watched groups are right in the end, and no view is called live while it lags', {
  tag: ['@chromium', '@long'],
}, async ({ world, engine }) => {
  test.setTimeout(420_000)
  const options = { cluster: 'watching', network: 'local' } as const
  const [writer, dying, leaving] = (await world.ring([engine, engine, engine], options)) as [Profile, Profile, Profile]
  const browser = await BareChromium.start()
  try {
    const watcher = await browser.open(world.pageUrl)
    const open = JSON.stringify({ ...options, signaling: world.signaling.url })
    await watcher.evaluate(`harness.open(${open})`)
    await watcher.evaluate('harness.node.joined({ members: 4, timeoutMs: 60000 })')
    await fill(writer)
    await watcher.evaluate(`harness.watch(${JSON.stringify(rows)}, ${lookEveryMs})`)
    const first = () =>
      watcher.evaluate<number>('harness.watching.look().shown.filter((number) => number === 1).length')
    await expect.poll(first, { timeout: 60_000 }).toBe(rows.length)
    console.log(`all ${rows.length} rows are live`)

    const writing = writer.page.evaluate(
      ([all, forMs]) => (window as unknown as PageGlobals).harness.countUp(all, { aSecond: 20, forMs, hot: 24 }),
      [rows, writingMs] as const,
    )
    const joining = await world.profile(engine)
    await joining.start()
    await joining.open({ ...options, signaling: world.signaling.url })
    await joining.joined(5)
    console.log('one has joined')
    await leaving.run((node) => node.leave(), null)
    console.log('one has left')
    await browser.open('about:blank')
    await watcher.freeze()
    await new Promise((resolve) => setTimeout(resolve, asleepMs))
    await watcher.resume()
    console.log('the watcher has slept')
    await dying.kill()
    await dying.start()
    await dying.open({ ...options, signaling: world.signaling.url })
    console.log('one has died and is back')

    const written = await writing
    const last = new Map<number, number>(rows.map((_, row) => [row, 1]))
    for (const { row, number, ackedAt } of written)
      if (ackedAt !== null) last.set(row, Math.max(number, last.get(row) ?? 0))
    const failed = new Set(written.filter(({ ackedAt }) => ackedAt === null).map(({ row }) => row))
    const wrong = async () => {
      const { shown } = await watcher.evaluate<Look>('harness.watching.look()')
      return shown.flatMap((number, row) =>
        number === last.get(row) || (failed.has(row) && number > (last.get(row) ?? 0)) ? [] : [row],
      ).length
    }
    await expect.poll(wrong, { timeout: 60_000 }).toBe(0)
    const looks = await watcher.evaluate<readonly Look[]>('harness.watching.looks')
    const { shown, live, behind } = judge(looks, written)
    const quorums = written.filter(({ quorum }) => quorum).length
    console.log(
      `${written.length} writes, ${quorums} with a quorum, ${failed.size} rows with a failed one; ${looks.length} looks, ${((100 * live) / shown).toFixed(1)} % of what was shown was live`,
    )
    console.log(`${behind.length} behind: ${behind.slice(0, 10).join('; ')}`)
    expect(written.length).toBeGreaterThan(1_000)
    expect(live / shown).toBeGreaterThan(0.5)
    expect(behind).toEqual([])
  } finally {
    await browser.stop()
  }
})
