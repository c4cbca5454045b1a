/**
 * Views and presence in real tabs: what one tab writes or shows is seen in the others, whoever is killed.
 */
import { expect, type PageGlobals, type Profile, test } from './world.ts'

/** What a tab sees: the titles of the list, if it is live, and where the others are. */
const seenAt = (profile: Profile) =>
  profile.page.evaluate(() => {
    const { harness } = window as unknown as PageGlobals
    const { entries, status } = harness.list('home').watch().current
    const cursors = [...harness.here().others.current.values()].map(({ at }) => at).sort()
    return { titles: entries.map(({ value }) => value.title), status, cursors }
  })

/** Watches the list, and enters the presence. */
const enter = (profile: Profile, at: number) =>
  profile.page.evaluate((place) => {
    const { harness } = window as unknown as PageGlobals
    harness
      .list('home')
      .watch()
      .subscribe(() => {})
    harness.here().set({ at: place })
  }, at)

const set = (profile: Profile, key: string, title: string) =>
  profile.page.evaluate(
    ([name = '', text = '']) =>
      (window as unknown as PageGlobals).harness.list('home').set(name, { title: text, votes: 0 }),
    [key, title],
  )

const soon = { timeout: 60_000 }

test('a view shows what other tabs write, and presence who is there, also after one of them was killed', async ({
  world,
  engine,
}) => {
  const options = { cluster: 'live', network: 'local' } as const
  const [one, two, three] = (await world.ring([engine, engine, engine], options)) as [Profile, Profile, Profile]
  for (const [at, profile] of [one, two, three].entries()) await enter(profile, at + 1)
  await set(one, 'a', 'eggs')
  await set(two, 'b', 'milk')
  const both = { titles: ['eggs', 'milk'], status: 'live' }
  await expect.poll(() => seenAt(one), soon).toEqual({ ...both, cursors: [2, 3] })
  await expect.poll(() => seenAt(two), soon).toEqual({ ...both, cursors: [1, 3] })
  await expect.poll(() => seenAt(three), soon).toEqual({ ...both, cursors: [1, 2] })

  await three.kill()
  await set(one, 'a', 'flour')
  await expect.poll(() => seenAt(two), soon).toEqual({ titles: ['flour', 'milk'], status: 'live', cursors: [1] })
  await expect.poll(() => seenAt(one), soon).toEqual({ titles: ['flour', 'milk'], status: 'live', cursors: [2] })

  await three.start()
  await three.open({ ...options, signaling: world.signaling.url })
  await enter(three, 4)
  await expect.poll(() => seenAt(three), soon).toEqual({ titles: ['flour', 'milk'], status: 'live', cursors: [1, 2] })
  await expect.poll(async () => (await seenAt(one)).cursors, soon).toEqual([2, 4])
})

test('rtc may be a function, which is asked before each connection', { tag: '@chromium' }, async ({
  world,
  engine,
}) => {
  const pair = [await world.profile(engine), await world.profile(engine)]
  const options = { cluster: 'rtc', signaling: world.signaling.url }
  for (const profile of pair) {
    await profile.start()
    await profile.page.evaluate((given) => {
      let asked = 0
      const rtc = () => {
        asked += 1
        Object.assign(window, { asked })
        if (asked === 2) throw new Error('the credentials could not be fetched')
        return { iceServers: [] }
      }
      return (window as unknown as PageGlobals).harness.open({ ...given, rtc })
    }, options)
  }
  for (const profile of pair) await profile.joined(2)
  const asked = pair.map(({ page }) => page.evaluate(() => (window as unknown as { asked: number }).asked))
  for (const count of await Promise.all(asked)) expect(count).toBeGreaterThan(1)
})
