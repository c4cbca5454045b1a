/**
 * A tab whose disk is full, in a ring that has no device to spare: nobody can take over what it cannot hold. The others
 * keep that for it, and wait until it says that it has room.
 */
import { expect, type PageGlobals, type Profile, test } from './world.ts'

/**
 * 100 kB in five minutes at most; `TABRING_IDLE_MS=300000` watches for as long as that, else it is a minute, and as
 * much less.
 */
const idleMs = Number(process.env['TABRING_IDLE_MS'] ?? 60_000)
const bytesMost = (100_000 * idleMs) / 300_000
const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
const valueBytes = 10_000
/** Room for a third of them, more or less. */
const quotaBytes = 400_000

/** What an idle ring says beside gossip, all nodes together. */
interface Said {
  readonly records: number
  readonly bytes: number
}

/** Lets the site of a profile take so many bytes and no more. Returns what lets it take as many as before. */
async function limitTo(profile: Profile, quotaSize: number): Promise<() => Promise<unknown>> {
  const session = await profile.context.newCDPSession(profile.page)
  const { origin } = new URL(profile.page.url())
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize })
  return () => session.send('Storage.overrideQuotaForOrigin', { origin })
}

// Only Chromium has a quota that a test can set. It belongs to the origin: each node has a browser of its own.
test('an idle ring of three, one of whose disks is full, sends next to nothing beside gossip, and is in step once there is room', {
  tag: ['@chromium', '@long'],
}, async ({ world, engine }) => {
  test.setTimeout(360_000 + idleMs)
  const ring = await Promise.all([engine, engine, engine].map((each) => world.profile(each)))
  const [small, other] = ring as [Profile, Profile]
  for (const profile of ring) await profile.start()
  // Before the database is opened: a quota that was set later let five times as much pass, in one run.
  const giveRoom = await limitTo(small, quotaBytes)
  const [id] = await Promise.all(
    ring.map((profile) => profile.open({ cluster: 'full', signaling: world.signaling.url })),
  )
  await Promise.all(ring.map((profile) => profile.joined(ring.length)))
  const said = () =>
    Promise.all(
      ring.map((profile) =>
        profile.run((node, name) => node.members().find((member) => member.id === name)?.storage, id),
      ),
    )
  const written = await other.run(
    async (node, [names, bytes]) => {
      // What repeats would be compressed.
      const value = () => crypto.getRandomValues(new Uint8Array(bytes))
      const results = await Promise.all(names.map((name) => node.put(name, null, value())))
      return results.filter(({ quorum }) => quorum).length
    },
    [keys, valueBytes] as const,
  )
  expect(written).toBe(keys.length)
  await expect.poll(said, { timeout: 60_000 }).toEqual(['full', 'full', 'full'])

  const traffic = (step: 'begin' | 'end'): Promise<Said> =>
    Promise.all(
      ring.map(({ page }) =>
        page.evaluate((which) => {
          const { harness } = window as unknown as PageGlobals
          const counted = window as unknown as { traffic: ReturnType<typeof harness.count> }
          if (which === 'begin') counted.traffic = harness.count()
          return { records: counted.traffic.records, bytes: counted.traffic.bytes }
        }, step),
      ),
    ).then((all) => ({
      records: all.reduce((sum, { records }) => sum + records, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    }))
  const startedAt = Date.now()
  await traffic('begin')
  await expect.poll(() => Date.now() - startedAt, { timeout: idleMs + 10_000 }).toBeGreaterThanOrEqual(idleMs)
  const { records, bytes } = await traffic('end')
  console.log(`${records} records and ${bytes} bytes beside gossip in ${Math.round(idleMs / 1000)} s`)
  expect(await said()).toEqual(['full', 'full', 'full'])
  expect(bytes).toBeLessThanOrEqual(bytesMost)

  // With room again, told of by its own look, it is brought in step.
  await giveRoom()
  const inStep = () => Promise.all(ring.map((profile) => profile.run((node) => node.status().records, null)))
  await expect.poll(inStep, { timeout: 180_000, intervals: [1_000] }).toEqual(ring.map(() => keys.length))
})
