/**
 * Two people with two tabs each, who work offline from each other for longer than anybody is waited for: longer than
 * the grace, so that each side is a ring of its own, and longer than the retention, so that each side has forgotten
 * what was overwritten.
 */
import type { Page } from '@playwright/test'
import { type SignalingServer, startSignaling } from '../../signaling/server.ts'
import { expect, type PageGlobals, type Profile, runIn, test } from './world.ts'

const [graceMs, retentionMs] = [1_000, 4_000]
const patienceMs = 60_000
const tabsEach = 2
const sharedKey = 'written by both'
const keysOf = (name: string) => Array.from({ length: 20 }, (_, index) => `of ${name}, ${index}`)

/** A browser profile and the tabs that are open in it. */
class Side {
  readonly name: string
  readonly keys: readonly string[]
  readonly #profile: Profile
  pages: readonly Page[] = []
  #fingerprints: readonly string[] = []

  constructor(name: string, profile: Profile) {
    this.name = name
    this.keys = keysOf(name)
    this.#profile = profile
  }

  async open(signaling: string): Promise<void> {
    await this.#profile.start()
    const pages = [this.#profile.page]
    while (pages.length < tabsEach) {
      const page = await this.#profile.context.newPage()
      await this.#profile.load(page)
      pages.push(page)
    }
    this.pages = pages
    this.#fingerprints = await this.#inEach((page) =>
      page.evaluate(() => (window as unknown as PageGlobals).harness.withOneCertificate()),
    )
    const options = { cluster: 'offline', signaling, graceMs, retentionMs, network: 'local' } as const
    await this.#inEach((page) =>
      page.evaluate((given) => (window as unknown as PageGlobals).harness.open(given), options),
    )
  }

  close(): Promise<void> {
    return this.#profile.stop()
  }

  cutOff(other: Side): Promise<unknown> {
    return this.#inEach((page) =>
      page.evaluate((them) => (window as unknown as PageGlobals).harness.cutOff(them), other.#fingerprints),
    )
  }

  /** Resolves when each tab counts on so many members, has all of them in reach, and is in sync. */
  async joined(members: number): Promise<void> {
    for (const page of this.pages) {
      const counts = () =>
        runIn(page, (node) => [node.status().members, node.status().reachable, node.status().partitions.syncing], null)
      await expect.poll(counts, { timeout: patienceMs }).toEqual([members, members, 0])
    }
  }

  /** Puts keys, each on both tabs. */
  async put(keys: readonly string[]): Promise<void> {
    const [page] = this.pages as [Page]
    const results = await runIn(
      page,
      (node, [names, value]) => Promise.all(names.map((name) => node.put(name, null, value))),
      [keys, this.name] as const,
    )
    expect(results.map(({ quorum, acks }) => ({ quorum, acks }))).toEqual(
      keys.map(() => ({ quorum: true, acks: tabsEach })),
    )
  }

  /** Brings the tabs in step with everybody they reach. */
  repair(): Promise<unknown> {
    return this.#inEach((page) => runIn(page, (node) => node.repair(), null))
  }

  /** What each tab reads: by key, the values, or how many owners answered if that is fewer than two. */
  read(keys: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    return this.#inEach((page) =>
      runIn(
        page,
        async (node, names) => {
          const read = async (name: string) => {
            const { values, quorum, replies } = await node.get<string>(name, { pr: 2 })
            return [name, quorum ? values.toSorted() : `${replies} replies`] as const
          }
          return Object.fromEntries(await Promise.all(names.map(read)))
        },
        keys,
      ),
    )
  }

  late(): Promise<readonly (readonly string[])[]> {
    return this.#inEach((page) => page.evaluate(() => (window as unknown as PageGlobals).harness.late))
  }

  #inEach<T>(work: (page: Page) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.pages.map(work))
  }
}

type Homecoming = (first: Side, second: Side, signaling: string) => Promise<void>

const homecomings: readonly { readonly story: string; readonly come: Homecoming }[] = [
  {
    story: 'the first side comes back, works on alone, and then the second one',
    come: async (first, second, signaling) => {
      await first.open(signaling)
      await workFor(first, 2 * retentionMs)
      await second.open(signaling)
    },
  },
  {
    story: 'the second side comes back, works on alone, and then the first one',
    come: async (first, second, signaling) => {
      await second.open(signaling)
      await workFor(second, 2 * retentionMs)
      await first.open(signaling)
    },
  },
  {
    story: 'both sides come back at once',
    come: async (first, second, signaling) => {
      await Promise.all([first.open(signaling), second.open(signaling)])
    },
  },
]

/** A side goes on as a ring of its own for some time, in step as often as rings are that are not idle. */
async function workFor(side: Side, ms: number): Promise<void> {
  await side.joined(tabsEach)
  const startedAt = Date.now()
  const worked = async () => {
    await side.repair()
    return Date.now() - startedAt
  }
  await expect.poll(worked, { timeout: ms + patienceMs, intervals: [500] }).toBeGreaterThan(ms)
}

for (const [at, { story, come }] of homecomings.entries()) {
  test(`two browsers work offline from each other for longer than the retention, and nothing is lost: ${story}`, {
    tag: at === 0 ? '@chromium' : ['@chromium', '@long'],
  }, async ({ world, engine }) => {
    const [first, second] = [
      new Side('first', await world.profile(engine)),
      new Side('second', await world.profile(engine)),
    ]
    const sides = [first, second]
    const onEach = (work: (side: Side) => Promise<unknown>) => Promise.all(sides.map(work))
    const before = await startSignaling()
    let after: SignalingServer | undefined
    try {
      await onEach((side) => side.open(before.url))
      await onEach((side) => side.joined(2 * tabsEach))
      await first.put(['of both'])

      await test.step('each side is a ring of its own, and writes', async () => {
        await before.close()
        await Promise.all([first.cutOff(second), second.cutOff(first)])
        await onEach((side) => side.joined(tabsEach))
        await onEach((side) => side.put([...side.keys, sharedKey]))
        await onEach((side) => workFor(side, 2 * retentionMs))
      })

      await test.step('they are closed, and come back', async () => {
        await onEach((side) => side.close())
        after = await startSignaling()
        await come(first, second, after.url)
      })

      const written = [...first.keys, ...second.keys, sharedKey]
      const expected = Object.fromEntries([
        ...sides.flatMap(({ keys, name }) => keys.map((key) => [key, [name]])),
        [sharedKey, ['first', 'second']],
        ['of both', ['first']],
      ])
      const everywhere = sides.flatMap(({ pages }) => pages.map(() => expected))
      const read = async () => (await onEach((side) => side.read([...written, 'of both']))).flat()
      await expect.poll(read, { timeout: patienceMs }).toEqual(everywhere)

      // Both sides had forgotten by then whatever was overwritten as long ago: each is told of what the other one
      // wrote.
      const told = async () => new Set((await Promise.all(sides.map((side) => side.late()))).flat(2))
      await expect.poll(async () => [...(await told())].toSorted(), { timeout: patienceMs }).toEqual(written.toSorted())
    } finally {
      await before.close()
      await after?.close()
    }
  })
}
